import { z } from 'zod';

/** The empty string (what `${VAR:-}` gives) stands for "not configured". */
export const emptyOr = <T extends z.ZodType<string>>(schema: T) => z.union([z.literal(''), schema]).default('');
export const httpUrl = z.url({ protocol: /^https?$/, error: 'expected an http:// or https:// URL' });

/** `https://app.example.com`, and what browsers send for pages of extensions and desktop programs. Exact, since every
 * page of a listed origin can do what its visitors' keys can; `*` would open a service without keys to every page. */
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/;

export const origin = z
  .string()
  .refine(
    (text) => ORIGIN.test(text) && sameOrigin(text),
    'expected an origin as browsers send it: https://app.example.com',
  );

/** Browsers leave out the default port. */
function sameOrigin(text: string): boolean {
  const { origin: written = '' } = URL.parse(text) ?? {};
  return written === text || written === 'null';
}
