/** The JavaScript beside it says what it takes and gives. */
export function driftOf(printed: { readonly changes?: readonly object[] }): string[];
