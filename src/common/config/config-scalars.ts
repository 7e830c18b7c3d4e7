import { z } from 'zod';
import { isLoopbackUrl } from '../loopback.js';

export const TIMER_MAX_MS = 2_147_483_647; // what setTimeout takes

/** Names that callers send and that appear in headers and metric labels. */
export const name = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}$/,
    'use 1 to 128 of the characters A-Z a-z 0-9 . _ : / @ -, starting with a letter or digit',
  )
  // Clients take such segments out of a path (RFC 3986 section 5.2.4): `/admin/targets/{id}/drain` could not name it.
  .refine((text) => !/(^|\/)\.{0,2}(\/|$)/.test(text), 'no part between slashes may be empty, "." or ".."');

/** A time limit; left out, another field decides. */
export const ownMilliseconds = z.int().min(1).max(TIMER_MAX_MS).optional();
export const milliseconds = (fallback: number) => z.int().min(1).max(TIMER_MAX_MS).default(fallback);

/** The empty string (what `${VAR:-}` gives) stands for "not configured". */
export const emptyOr = <T extends z.ZodType<string>>(schema: T) => z.union([z.literal(''), schema]).default('');
export const httpUrl = z.url({ protocol: /^https?$/, error: 'expected an http:// or https:// URL' });

/** Where we send to by ourselves: nobody else hears it, and nothing of it is in a log. */
export const webhookUrl = z.string().refine((text) => {
  const url = URL.parse(text);
  if (!url || url.username !== '' || url.password !== '') return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackUrl(url));
}, 'expected an https:// URL without a user name; http:// is for this machine alone');

/** `whsec_` and base64, as webhook services show it, or any text. */
export const alertSecret = z
  .string()
  .refine((text) => text === '' || text.length >= 24, 'use at least 24 characters; openssl rand -base64 32 makes some')
  .refine(
    (text) => !text.startsWith('whsec_') || /^whsec_[A-Za-z0-9+/]+={0,2}$/.test(text),
    'what follows whsec_ is not base64',
  )
  .default('');

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
