import { z } from 'zod';

/** The empty string (what `${VAR:-}` gives) stands for "not configured". */
export const emptyOr = <T extends z.ZodType<string>>(schema: T) => z.union([z.literal(''), schema]).default('');
export const httpUrl = z.url({ protocol: /^https?$/, error: 'expected an http:// or https:// URL' });
