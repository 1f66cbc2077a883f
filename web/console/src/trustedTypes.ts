interface PolicyFactory {
  createPolicy(name: "default", rules: { createHTML: (text: string) => string | null }): unknown;
}

/**
 * The page's policy lets no script turn text into HTML. React Aria empties an element by an empty text, which is
 * admitted; anything else still throws.
 */
export function admitEmptyHtml(): void {
  const factory = (globalThis as { readonly trustedTypes?: PolicyFactory }).trustedTypes;
  factory?.createPolicy("default", { createHTML: (text) => (text === "" ? text : null) });
}
