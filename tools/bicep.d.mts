/** The version that this repository is compiled with. */
export const BICEP_VERSION: string;
/** The command that compiles Bicep, as program and first arguments; `null` where none can be had. */
export function findBicep(): { readonly command: readonly string[]; readonly version: string } | null;
