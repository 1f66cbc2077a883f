import { Link } from "wouter";

export function Wordmark() {
  return (
    <Link href="/" className="wordmark">
      <img src="/static/icon.svg" alt="" width={28} height={28} />
      Team access
    </Link>
  );
}
