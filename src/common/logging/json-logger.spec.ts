import { describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { createJsonLogger } from './json-logger.js';
import { escapeControls } from './log-destination.js';

/** Lines as they would reach standard output. */
function capture(level?: string) {
  const lines: string[] = [];
  const destination = {
    write: (line: string) => void lines.push(escapeControls(line).toString()),
    flush: async () => undefined,
  };
  return { lines, logger: createJsonLogger(destination, level), parsed: () => lines.map((line) => JSON.parse(line)) };
}

describe('createJsonLogger', () => {
  it('writes level as a word, ISO time, context and msg, and nothing else', () => {
    const { logger, parsed } = capture();
    Logger.overrideLogger(logger);
    new Logger('here').warn('careful');
    expect(parsed()).toEqual([
      { level: 'warn', time: expect.stringMatching(/^\d{4}-.*Z$/), context: 'here', msg: 'careful' },
    ]);
  });

  it('turns an object in front into fields', () => {
    const { logger, parsed } = capture();
    Logger.overrideLogger(logger);
    new Logger('errors').error(
      { err: Object.assign(new Error('boom'), { code: 'E1' }), request_id: 'r1' },
      'unexpected',
    );
    expect(parsed()[0]).toMatchObject({
      level: 'error',
      context: 'errors',
      request_id: 'r1',
      msg: 'unexpected',
      err: { name: 'Error', message: 'boom', code: 'E1', stack: expect.stringContaining('json-logger.spec') },
    });
  });

  it('understands the ways Nest itself logs', () => {
    const { logger, parsed } = capture('trace');
    Logger.overrideLogger(logger);
    const nest = new Logger('X');
    nest.error(new TypeError('first'));
    nest.error('second', 'Error: second\n    at here');
    nest.error('third', new Error('inner'));
    nest.verbose('fourth');
    expect(parsed()).toMatchObject([
      { msg: 'first', err: { name: 'TypeError' }, context: 'X' },
      { msg: 'second', stack: 'Error: second\n    at here' },
      { msg: 'third', err: { message: 'inner' } },
      { msg: 'fourth', level: 'trace' },
    ]);
  });

  it('keeps stacks and foreign properties of errors out of lines below error', () => {
    const { logger, parsed } = capture();
    const cause = new Error('deep');
    logger.warn(
      { err: Object.assign(new Error('shallow', { cause }), { headers: { authorization: 'x' } }) },
      'odd',
      'c',
    );
    expect(parsed()[0].err).toEqual({ name: 'Error', message: 'shallow', cause: { name: 'Error', message: 'deep' } });
  });

  it('an error in front is shown like any other, whatever follows it', () => {
    const { logger, lines, parsed } = capture();
    Logger.overrideLogger(logger);
    const error = Object.assign(new Error('boom'), { request: { headers: { authorization: 'Bearer abcdefgh' } } });
    new Logger('here').error(error, 'a text');
    Logger.error(error, error.stack);
    expect(lines.join()).not.toContain('abcdefgh');
    expect(parsed()).toMatchObject([
      { context: 'here', err: { message: 'boom' }, msg: 'boom' },
      { err: { message: 'boom' }, msg: 'boom' },
    ]);
    expect(parsed()[1]).not.toHaveProperty('context');
  });

  it('redacts text, error messages and stacks', () => {
    const { logger, lines } = capture();
    const err = new Error('key sk-abcdefghijklmnop1234 of bob@example.com');
    logger.error({ err }, 'told bob@example.com', 'c');
    expect(lines[0]).toContain('told [redacted]');
    expect(lines[0]).not.toMatch(/bob@|sk-abc/);
  });

  it('cannot be made to write a second line or terminal commands', () => {
    const { logger, lines, parsed } = capture();
    const evil = 'a\r\n{"level":"info"}\u001b[2J\u009b31m\u2028\u2029\u007f\u202e"';
    logger.log({ evil }, evil, 'c');
    expect(lines).toHaveLength(1);
    expect(lines[0]?.trimEnd()).toMatch(/^[\x20-\x7e]+$/);
    expect(parsed()[0]).toMatchObject({ evil, msg: evil });
  });

  it('writes a line whatever its fields hold', () => {
    const { logger, parsed } = capture();
    const circle: Record<string, unknown> = { a: 1 };
    circle['self'] = circle;
    logger.log({ circle, wide: 2n, none: undefined, left: [1, NaN] }, 'odd', 'c');
    logger.log({}, 'nothing', 'c');
    logger.log(new Date(0), 'no fields', 'c');
    expect(parsed()).toMatchObject([
      { context: 'c', circle: '[object]', wide: '2', left: [1, null], msg: 'odd' },
      { context: 'c', msg: 'nothing' },
      { context: 'c', msg: 'no fields' },
    ]);
  });

  it('keeps the start-up chatter of Nest at debug', () => {
    const { logger, lines } = capture('info');
    logger.log('Mapped {/health, GET} route', 'RouterExplorer');
    expect(lines).toEqual([]);
    logger.log('listening', 'main');
    expect(lines).toHaveLength(1);
  });

  it('falls back to info on an unknown level, and says so', () => {
    const { parsed } = capture('loud');
    expect(parsed()).toMatchObject([{ level: 'warn', msg: expect.stringContaining('"loud"') }]);
  });
});
