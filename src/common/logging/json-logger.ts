import { isFields } from '../json/fields.js';
import type { LoggerService } from '@nestjs/common';
import { pino, type Level, type Logger } from 'pino';
import { isoNow } from '../iso-time.js';
import { openStdout, type LogDestination } from './log-destination.js';
import { loggedError, loggedText } from './logged-error.js';

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/** Nest's own start-up lines, one per route and module. */
const CHATTER = new Set(['NestFactory', 'InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestApplication']);
/** Characters of a text that is kept, and how many are. */
const SHORT_TEXT = 80;
const MOST_TEXTS = 200;
/** Reports a failed event handler without the event's name; module telemetry logs the same failure with it. */
const TOLD_BETTER_ELSEWHERE = 'EventBus';

interface Entry {
  readonly context: string;
  readonly text: string | undefined;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Nest tells an error of a shutdown hook with its stack behind it, which is no context. */
function contextOf(error: Error, rest: readonly unknown[]): string {
  const last = rest.at(-1);
  return typeof last === 'string' && last !== error.stack ? last : '';
}

/**
 * The arguments of a Nest logger call: message or fields, then anything, then the context (Nest's `Logger` always puts
 * its own last). A later string is the text of a call that began with fields, or a stack.
 */
function readArguments(first: unknown, rest: readonly unknown[]): Entry {
  if (first instanceof Error) return { context: contextOf(first, rest), text: first.message, fields: { err: first } };
  const [text, own] = rest;
  if (rest.length === 2 && typeof text === 'string' && typeof own === 'string' && isFields(first)) {
    return { context: own, text, fields: first }; // as nearly all of our own lines are
  }
  const last = rest.at(-1);
  const context = typeof last === 'string' ? last : '';
  const between = context ? rest.slice(0, -1) : rest;
  if (isFields(first)) {
    return { context, text: between.find((value) => typeof value === 'string'), fields: first };
  }
  let fields: Record<string, unknown> = {};
  for (const value of between) {
    if (value instanceof Error) fields = { ...fields, err: value };
    else if (isFields(value)) fields = { ...fields, ...value };
    else if (typeof value === 'string') fields = { ...fields, stack: loggedText(value) };
  }
  return { context, text: typeof first === 'function' ? first.name : String(first), fields };
}

/**
 * Nest's logger as JSON lines: `{"level":"info","time":"...","context":"requests",...,"msg":"..."}`. Call it through
 * Nest's `Logger`: `logger.error({ err, request_id }, 'text')`, where the object becomes fields of the line. Free text
 * and error messages are redacted; stacks appear from level error up.
 */
export class NestJsonLogger implements LoggerService {
  /** One child per context, so that the context is serialised once. Contexts come from code, so they are few. */
  private readonly children = new Map<string, Logger>();
  /** Short texts as they may be shown. Most come from code and come again with every request. */
  private readonly texts = new Map<string, string>();

  constructor(
    private readonly logger: Logger,
    private readonly destination: Pick<LogDestination, 'flush'>,
  ) {}

  log(first: unknown, ...rest: readonly unknown[]): void {
    this.write(CHATTER.has(rest.at(-1) as string) ? 'debug' : 'info', first, rest);
  }

  error(first: unknown, ...rest: readonly unknown[]): void {
    this.write(rest.at(-1) === TOLD_BETTER_ELSEWHERE ? 'debug' : 'error', first, rest);
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
    if (!this.logger.isLevelEnabled(level)) return;
    const { context, text, fields } = readArguments(first, rest);
    const { err } = fields;
    const shown =
      err instanceof Error ? { ...fields, err: loggedError(err, level === 'error' || level === 'fatal') } : fields;
    this.childOf(context)[level](shown, text === undefined ? text : this.shown(text));
  }

  private shown(text: string): string {
    if (text.length > SHORT_TEXT) return loggedText(text);
    let shown = this.texts.get(text);
    if (shown === undefined) {
      if (this.texts.size >= MOST_TEXTS) this.texts.clear();
      this.texts.set(text, (shown = loggedText(text)));
    }
    return shown;
  }

  private childOf(context: string): Logger {
    if (!context) return this.logger;
    let child = this.children.get(context);
    if (!child) this.children.set(context, (child = this.logger.child({ context })));
    return child;
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
  const known = LEVELS.includes(level);
  const options = {
    level: known ? level : 'info',
    base: null,
    timestamp: () => `,"time":"${isoNow()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    // Errors are already plain fields here: pino's own serialiser would copy every property of theirs.
    serializers: { err: (value: unknown) => value },
  };
  const logger = new NestJsonLogger(pino(options, destination), destination);
  if (!known) logger.warn(`LOG_LEVEL "${level}" is not one of ${LEVELS.join(', ')}; using info`, 'logging');
  return logger;
}
