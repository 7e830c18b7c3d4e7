import { z } from 'zod';

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

export const milliseconds = (fallback: number) => z.int().min(1).max(TIMER_MAX_MS).default(fallback);
