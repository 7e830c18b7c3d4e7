import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { compiledCode } from './compiled-code.js';
import { asOnItsOwnMachine } from './own-machine.js';

const START_MS = 20_000;

/** The Cosmos DB emulator as a process of its own, empty. It accepts any key, and ends with this process. */
export class CosmosEmulator {
  static readonly KEY = Buffer.from('any key does').toString('base64');

  private constructor(
    readonly port: number,
    private readonly child: ChildProcess,
  ) {}

  static async start(): Promise<CosmosEmulator> {
    const program = resolve('test/support/cosmos-emulator.process.ts');
    const child = spawn(process.execPath, [program], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { PATH: process.env['PATH'], ...compiledCode() },
    });
    asOnItsOwnMachine(child);
    const [port] = (await once(createInterface(child.stdout), 'line', {
      signal: AbortSignal.timeout(START_MS),
    })) as [string];
    return new CosmosEmulator(Number(port), child);
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async close(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exited;
  }
}
