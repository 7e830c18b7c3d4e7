import { isFields } from '../json/fields.js';
import type { LoggerService } from '@nestjs/common';
import { isoNow } from '../iso-time.js';
import { openStdout, type LogDestination } from './log-destination.js';
import { loggedError, loggedText } from './logged-error.js';

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
type Level = (typeof LEVELS)[number];

/** Nest's own start-up lines, one per route and module. */
const CHATTER = new Set(['NestFactory', 'InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestApplication']);
/** Characters of a text that is kept, and how many are. */
const SHORT_TEXT = 80;
const MOST_TEXTS = 200;

interface Entry {
  readonly context: string;
  readonly text: string | undefined;
  readonly fields: Readonly<Record<string, unknown>>;
}

/**
 * The arguments of a Nest logger call: message, fields or an error, then anything, then the context (Nest's `Logger` always
 * puts its own last). A later string is the text of a call that began with fields, or a stack.
 */
function readArguments(first: unknown, rest: readonly unknown[]): Entry {
  const last = rest.at(-1);
  const context = typeof last === 'string' ? last : '';
  if (first instanceof Error) {
    // Nest tells an error of a shutdown hook with its stack behind it, which is no context
    return { context: context === first.stack ? '' : context, text: first.message, fields: { err: first } };
  }
  let fields = isFields(first) ? first : {};
  let text = isFields(first) ? undefined : typeof first === 'function' ? first.name : String(first);
  for (let i = 0; i < (context ? rest.length - 1 : rest.length); i += 1) {
    const value = rest[i];
    if (value instanceof Error) fields = { ...fields, err: value };
    else if (isFields(value)) fields = { ...fields, ...value };
    else if (typeof value === 'string' && text === undefined) text = value;
    else if (typeof value === 'string') fields = { ...fields, stack: loggedText(value) };
  }
  return { context, text, fields };
}

/** `,"name":value` of every field; a value that JSON cannot say (a circle, a bigint) is shown by its type or as text. */
function textOf(fields: Entry['fields']): string {
  let text: string;
  try {
    text = JSON.stringify(fields);
  } catch {
    text = JSON.stringify(Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, sayable(value)])));
  }
  return text.startsWith('{"') ? `,${text.slice(1, -1)}` : '';
}

function sayable(value: unknown): unknown {
  try {
    JSON.stringify(value);
    return value;
  } catch {
    return typeof value === 'bigint' ? String(value) : `[${typeof value}]`;
  }
}

/**
 * Nest's logger as JSON lines: `{"level":"info","time":"...","context":"requests",...,"msg":"..."}`. Call it through
 * Nest's `Logger`: `logger.error({ err, request_id }, 'text')`, where the object becomes fields of the line. Free text
 * and error messages are redacted; stacks appear from level error up.
 */
export class NestJsonLogger implements LoggerService {
  /** `,"context":"..."`. Contexts come from code, so they are few. */
  private readonly contexts = new Map<string, string>();
  /** Short texts as they may be shown, as JSON. Most come from code and come again with every request. */
  private readonly texts = new Map<string, string>();
  /** Of the lowest level that is written. */
  private readonly least: number;

  constructor(
    private readonly destination: LogDestination,
    level: Level,
  ) {
    this.least = LEVELS.indexOf(level);
  }

  log(first: unknown, ...rest: readonly unknown[]): void {
    this.write(CHATTER.has(rest.at(-1) as string) ? 'debug' : 'info', first, rest);
  }

  error(first: unknown, ...rest: readonly unknown[]): void {
    this.write('error', first, rest);
  }

  warn(first: unknown, ...rest: readonly unknown[]): void {
    this.write('warn', first, rest);
  }

  debug(first: unknown, ...rest: readonly unknown[]): void {
    this.write('debug', first, rest);
  }

  verbose(first: unknown, ...rest: readonly unknown[]): void {
    this.write('trace', first, rest);
  }

  fatal(first: unknown, ...rest: readonly unknown[]): void {
    this.write('fatal', first, rest);
  }

  /** To be awaited as the last act of a graceful shutdown. */
  flush(): Promise<void> {
    return this.destination.flush();
  }

  private write(level: Level, first: unknown, rest: readonly unknown[]): void {
    if (LEVELS.indexOf(level) < this.least) return;
    const { context, text, fields } = readArguments(first, rest);
    const { err } = fields;
    const shown =
      err instanceof Error ? { ...fields, err: loggedError(err, level === 'error' || level === 'fatal') } : fields;
    const message = text === undefined ? '' : `,"msg":${this.shown(text)}`;
    const head = `{"level":"${level}","time":"${isoNow()}"${this.shownContext(context)}`;
    this.destination.write(`${head}${textOf(shown)}${message}}\n`);
  }

  private shown(text: string): string {
    if (text.length > SHORT_TEXT) return JSON.stringify(loggedText(text));
    let shown = this.texts.get(text);
    if (shown === undefined) {
      if (this.texts.size >= MOST_TEXTS) this.texts.clear();
      this.texts.set(text, (shown = JSON.stringify(loggedText(text))));
    }
    return shown;
  }

  private shownContext(context: string): string {
    if (!context) return '';
    let shown = this.contexts.get(context);
    if (shown === undefined) this.contexts.set(context, (shown = `,"context":${JSON.stringify(context)}`));
    return shown;
  }
}

/**
 * The logger of this process.
 *
 * @param level trace, debug, info, warn, error, fatal or silent; anything else is info, and a line says so
 */
export function createJsonLogger(
  destination: LogDestination = openStdout(),
  level: string = process.env['LOG_LEVEL'] || 'info',
): NestJsonLogger {
  const known = LEVELS.find((one) => one === level);
  const logger = new NestJsonLogger(destination, known ?? 'info');
  if (!known) logger.warn(`LOG_LEVEL "${level}" is not one of ${LEVELS.join(', ')}; using info`, 'logging');
  return logger;
}
