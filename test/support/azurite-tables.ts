import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { compiledCode } from './compiled-code.js';
import { freePort } from './free-port.js';
import { asOnItsOwnMachine } from './own-machine.js';
import { eventually } from './router-calls.js';

const ACCOUNT = 'devstoreaccount1';
/** Published with the emulator; it opens nothing else. */
const KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';
const START_MS = 20_000;

/** Azurite's Table service as a process of its own, in memory. */
export class AzuriteTables {
  private constructor(
    readonly port: number,
    private readonly child: ChildProcess,
  ) {}

  static async start(): Promise<AzuriteTables> {
    const port = await freePort();
    const program = resolve('node_modules/azurite/dist/src/table/main.js');
    const where = ['--tableHost', '127.0.0.1', '--tablePort', String(port)];
    const quiet = ['--silent', '--disableTelemetry', '--inMemoryPersistence', '--skipApiVersionCheck'];
    const child = spawn(process.execPath, [program, ...where, ...quiet], {
      stdio: 'ignore',
      env: { PATH: process.env['PATH'], ...compiledCode() },
    });
    asOnItsOwnMachine(child);
    const answers = () =>
      fetch(`http://127.0.0.1:${port}/`).then(
        () => true,
        () => false,
      );
    await eventually('Azurite answers', START_MS, answers);
    return new AzuriteTables(port, child);
  }

  /** @param port of a proxy in front, or Azurite's own */
  connectionString(port = this.port): string {
    const endpoint = `http://127.0.0.1:${port}/${ACCOUNT}`;
    return `DefaultEndpointsProtocol=http;AccountName=${ACCOUNT};AccountKey=${KEY};TableEndpoint=${endpoint};`;
  }

  async close(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exited;
  }
}
