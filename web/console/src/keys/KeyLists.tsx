import { useState } from "react";
import { useSearchParams } from "wouter";
import type { PageProps } from "../pages";
import { Button } from "../ui/Button";
import { Notice } from "../ui/Notice";
import { PageHeader } from "../ui/PageHeader";
import { QueryBoundary } from "../ui/QueryBoundary";
import { PlusIcon } from "../ui/icons";
import { GenerateDialog } from "./GenerateDialog";
import { KeyTabs } from "./KeyTabs";
import { KeysView } from "./KeysView";

export function KeyLists(props: PageProps) {
  const { accountId, memberId, permissions } = props;
  const [parameters] = useSearchParams();
  const [isGenerating, setIsGenerating] = useState(false);
  const mayGenerate = permissions.has("GENERATE_API_KEYS");
  const showsAll = mayGenerate && parameters.get("view") === "all";

  return (
    <>
      <PageHeader title="API keys" lead="A program calls the API with a key. It acts as its member, within its scopes.">
        {mayGenerate && (
          <Button kind="primary" onPress={() => setIsGenerating(true)}>
            <PlusIcon /> Generate a key
          </Button>
        )}
      </PageHeader>
      {mayGenerate && <KeyTabs showsAll={showsAll} />}
      {!permissions.has("ACCESS_API") && (
        <Notice kind="warning">
          <p>Your role does not include the API: your keys are refused until it does. You can revoke them here.</p>
        </Notice>
      )}
      <QueryBoundary>
        <KeysView {...props} showsAll={showsAll} />
      </QueryBoundary>
      {isGenerating && (
        <GenerateDialog
          accountId={accountId}
          memberId={memberId}
          onClose={() => setIsGenerating(false)}
        />
      )}
    </>
  );
}
