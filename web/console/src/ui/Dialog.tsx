import type { ReactNode } from "react";
import { Button, Dialog as AriaDialog, Heading, Modal, ModalOverlay } from "react-aria-components";
import { CrossIcon } from "./icons";

interface Props {
  readonly title: string;
  readonly onClose: () => void;
  /** Of a question that has to be answered before anything else. */
  readonly role?: "dialog" | "alertdialog";
  readonly size?: "medium" | "large";
  readonly children: ReactNode;
}

/** The focus moves into the dialog, stays there, and returns to where it was; `keepFocus` where that is gone. Escape closes it. */
export function Dialog({ title, onClose, role = "dialog", size = "medium", children }: Props) {
  return (
    <ModalOverlay className="overlay" isOpen onOpenChange={(isOpen) => !isOpen && onClose()}>
      <Modal className={`modal modal-${size}`}>
        <AriaDialog className="dialog" role={role}>
          <header className="dialog-header">
            <Heading slot="title">{title}</Heading>
            <Button className="icon-button" aria-label="Close" onPress={onClose}>
              <CrossIcon />
            </Button>
          </header>
          {children}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}
