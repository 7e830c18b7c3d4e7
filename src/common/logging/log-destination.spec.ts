import { describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Writable } from 'node:stream';

const source = new URL('./log-destination.ts', import.meta.url).href;
const fatalExit = new URL('./fatal-exit.ts', import.meta.url).href;

const PIPED = '{ "$0" --input-type=module -e "$1"; echo "code $?" >&2; } | { read -r _ <&3; cat; }';

/**
 * Runs `body` in a process of its own, with `out` as its open standard output; Node strips the types. It writes to a
 * blocking pipe, as in a container; nobody reads it before `linesOf`.
 */
function run(body: string, bufferLimitBytes = 16_777_216) {
  const script = `import { openStdout } from ${JSON.stringify(source)}; const out = openStdout(${bufferLimitBytes}); ${body}`;
  return spawn('sh', ['-c', PIPED, process.execPath, script], { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
}

async function linesOf(child: ReturnType<typeof run>): Promise<string[]> {
  let text = '';
  (child.stdio[3] as Writable).end('read\n');
  child.stdout?.on('data', (data: Buffer) => (text += data.toString()));
  await once(child, 'close');
  return text.split('\n').filter(Boolean);
}

const write = (lines: number) => `for (let i = 0; i < ${lines}; i++) out.write(i + 'x'.repeat(100) + '\\n');`;

describe('openStdout', () => {
  it.each([
    ['returns', ''],
    ['calls process.exit', 'process.exit(0);'],
    ['dies of an uncaught error', 'throw new Error("fatal");'],
    ['flushes and exits', 'await out.flush(); process.exit(0);'],
  ])('loses no line when the process %s', async (_, ending) => {
    const lines = await linesOf(run(write(3) + ending));
    expect(lines.map((line) => Number.parseInt(line, 10))).toEqual([0, 1, 2]);
  });

  it('drops lines rather than memory when nobody reads, and says how many', async () => {
    const child = run(`${write(50_000)} process.stderr.write('written');`, 100_000);
    await once(child.stderr as NodeJS.ReadableStream, 'data');
    const lines = await linesOf(child);
    const notice = JSON.parse(lines.at(-1) ?? '');
    expect(notice).toMatchObject({ level: 'warn', dropped: expect.any(Number) });
    expect(notice.dropped + lines.length - 1).toBe(50_000);
  });

  it('gets every line to a slow reader after an uncaught error', async () => {
    const child = run(failing('setImmediate(() => { throw new Error("boom"); })'));
    let told = '';
    child.stderr?.on('data', (data: Buffer) => (told += data.toString()));
    await once(child.stderr as NodeJS.ReadableStream, 'data');
    const lines = await linesOf(child);
    expect(lines).toHaveLength(5001);
    expect(lines.at(-1)).toBe('boom: uncaught error: the process ends');
    expect(told).toContain('code 1');
  });

  it('goes on after a rejection that nobody took, and tells it', async () => {
    const child = run(failing('void Promise.reject(new Error("boom"))'));
    let told = '';
    child.stderr?.on('data', (data: Buffer) => (told += data.toString()));
    await once(child.stderr as NodeJS.ReadableStream, 'data');
    const lines = await linesOf(child);
    expect(lines.at(-1)).toContain('boom: a failure that nobody took');
    expect(told).toContain('code 0');
  });
});

/** Owns its errors, writes lines, and fails. */
const failing = (failure: string): string => `
  const { ownProcessErrors } = await import(${JSON.stringify(fatalExit)});
  const tell = ({ err }, text) => out.write(err.message + ': ' + text + '\\n');
  ownProcessErrors({ fatal: tell, error: tell, flush: out.flush });
  ${write(5000)}
  setTimeout(() => { process.stderr.write('failing'); ${failure}; }, 5);
`;
