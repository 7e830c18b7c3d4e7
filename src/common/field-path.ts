type PathSegment = PropertyKey | { readonly key: PropertyKey };

/** `messages[0].content`, the way OpenAI names a field in `param`. */
export function fieldPath(path: readonly PathSegment[]): string {
  return path
    .map((segment) => (typeof segment === 'object' ? segment.key : segment))
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '');
}
