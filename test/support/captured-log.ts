import type { LoggerService } from '@nestjs/common';

/** One line of the log. */
export interface Line {
  readonly level: string;
  readonly fields: Record<string, unknown>;
  readonly text: string;
}

/** A logger that keeps what it is told. */
export function logTo(lines: Line[]): LoggerService {
  const at =
    (level: string) =>
    (first: unknown, ...rest: unknown[]): void => {
      const fields = typeof first === 'object' && first !== null ? (first as Record<string, unknown>) : {};
      lines.push({ level, fields, text: [first, ...rest].filter((one) => typeof one === 'string').join(' ') });
    };
  return { log: at('info'), error: at('error'), warn: at('warn'), debug: at('debug'), verbose: at('verbose') };
}

/** The fields of the lines of requests that have ended. */
export const requestLines = (lines: readonly Line[]): Record<string, unknown>[] =>
  lines
    .filter(({ text }) => text.startsWith('request') && !text.endsWith('http'))
    .map(({ fields, level }) => ({ ...fields, level }));

/** The same once all that have ended so far are written down; lines are written in batches, and a scrape asks for the rest. */
export async function allRequestLines(
  router: { readonly url: string },
  lines: readonly Line[],
): Promise<Record<string, unknown>[]> {
  await (await fetch(`${router.url}/metrics`)).text();
  return requestLines(lines);
}
