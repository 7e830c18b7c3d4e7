/** Escaped, so that neither `:` nor braces of a name can make two owners share a key. */
const escaped = (part: string): string => encodeURIComponent(part.toWellFormed());

/** `{tenant:name}`: the hash tag that keeps all keys of one owner on one node of a cluster. */
export const hashTag = (tenant: string, name: string): string => `{${escaped(tenant)}:${escaped(name)}}`;
