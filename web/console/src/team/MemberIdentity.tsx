import { Badge } from "../ui/Badge";
import type { MemberRow } from "./MemberTable";

interface Props {
  readonly member: MemberRow;
  readonly isViewer: boolean;
}

export function MemberIdentity({ member, isViewer }: Props) {
  return (
    <div className="identity">
      <span className="avatar" aria-hidden="true">
        {initialsOf(member.name)}
      </span>
      <span className="identity-text">
        <span className="identity-name">
          <strong>{member.name}</strong>
          {member.isOwner && <Badge>Owner</Badge>}
          {isViewer && <Badge>You</Badge>}
        </span>
        {typeof member.email === "string" && <span className="hint">{member.email}</span>}
      </span>
    </div>
  );
}

function initialsOf(name: string): string {
  const words = name.split(/\s+/).filter((word) => word !== "");
  const [first, last] = [words[0], words.length > 1 ? words.at(-1) : undefined];
  return [first, last].map((word) => Array.from(word ?? "")[0] ?? "").join("").toUpperCase();
}
