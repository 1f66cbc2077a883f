/**
 * The part of the browser's storage that belongs to `owner`: what one person left open in GraphiQL is not shown to
 * the next one who signs in here, and the ids in the variables are those of the account signed in to.
 */
export function storageOf(owner) {
  const prefix = `${owner} `;
  const keys = () => Object.keys(localStorage).filter((key) => key.startsWith(prefix));
  return {
    getItem: (key) => localStorage.getItem(prefix + key),
    setItem: (key, value) => localStorage.setItem(prefix + key, value),
    removeItem: (key) => localStorage.removeItem(prefix + key),
    clear: () => keys().forEach((key) => localStorage.removeItem(key)),
    get length() {
      return keys().length;
    },
  };
}
