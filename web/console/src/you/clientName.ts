// The first that the User-Agent contains counts: that of Edge contains Chrome too, and both contain Safari.
const BROWSERS: readonly [string, string][] = [
  ["Edg", "Edge"],
  ["OPR/", "Opera"],
  ["SamsungBrowser/", "Samsung Internet"],
  ["Firefox/", "Firefox"],
  ["FxiOS/", "Firefox"],
  ["CriOS/", "Chrome"],
  ["Chrome/", "Chrome"],
  ["Safari/", "Safari"],
];
const SYSTEMS: readonly [string, string][] = [
  ["iPhone", "iPhone"],
  ["iPad", "iPad"],
  ["Android", "Android"],
  ["Windows", "Windows"],
  ["Mac OS X", "macOS"],
  ["CrOS", "ChromeOS"],
  ["Linux", "Linux"],
];

/**
 * Program and system of a User-Agent header, such as "Firefox on Windows": the name that the email about a sign-in from
 * a new client has (`client_name` in resolvers/sessions/clients.py).
 */
export function clientName(userAgent: string | null | undefined): string {
  const text = (userAgent ?? "").trim();
  const browser = nameIn(text, BROWSERS);
  const system = nameIn(text, SYSTEMS);
  if (browser !== undefined) return system === undefined ? browser : `${browser} on ${system}`;
  return text.split(/[\s/(;,]/, 1)[0] || "An unknown program";
}

function nameIn(text: string, names: readonly [string, string][]): string | undefined {
  return names.find(([token]) => text.includes(token))?.[1];
}
