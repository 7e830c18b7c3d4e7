import { matchesGlob } from 'node:path';

interface Pattern {
  readonly glob: string;
  /** It begins with `!`. */
  readonly lets: boolean;
}

/** The patterns of a `.dockerignore`; comments and empty lines are none. */
export const ignorePatterns = (text: string): readonly Pattern[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ glob: line.replace(/^!/, '').replace(/^\/|\/$/g, ''), lets: line.startsWith('!') }));

/** A path and the folders it is in: `a`, `a/b`, `a/b/c`. */
const withFolders = (path: string): string[] => path.split('/').map((_, i, parts) => parts.slice(0, i + 1).join('/'));

/** Whether a build is given this file or folder: the last pattern that matches it, or a folder it is in, decides. */
export function isGiven(path: string, patterns: readonly Pattern[]): boolean {
  const last = patterns.findLast(({ glob }) => withFolders(path).some((part) => matchesGlob(part, glob)));
  return last?.lets ?? true;
}
