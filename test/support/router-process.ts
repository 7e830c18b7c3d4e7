import { spawn, type ChildProcess } from 'node:child_process';
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { stringify } from 'yaml';
import type { z } from 'zod';
import type { routerConfigSchema } from '../../src/common/config/config.schema.js';
import { compiledCode } from './compiled-code.js';

/** A `router.config.yaml` as a person would write it. */
export type RouterConfigInput = z.input<typeof routerConfigSchema>;

export interface RouterProcessOptions {
  /** `server.port` becomes 0 unless it is given; `null` = no configuration file, the embedded default. */
  readonly config: RouterConfigInput | null;
  /** Added to a nearly empty environment: nothing of the machine's own keys and addresses gets in. */
  readonly env?: Readonly<Record<string, string>>;
  /** Left out: a fresh one, removed at the end. Give one to start again on the same data. */
  readonly dataDir?: string;
  readonly startWithinMs?: number;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const BANNER = /listening on (http:\/\/[^\s"\\/]+)/;
const POLL_MS = 10;
const MOST_OUTPUT_BYTES = 67_108_864;
/** As `npm start` and the container run it. */
const NODE_FLAGS = JSON.parse(readFileSync('tools/node-flags.json', 'utf8')) as string[];

/**
 * The built service (`dist/main.js`, so run `npm run build` first) as a process of its own. Its output goes to a file,
 * not a pipe: a test that is busy can then never hold the service up.
 */
export class RouterProcess {
  /** Such as `http://127.0.0.1:40123`. */
  url = '';
  readonly exited: Promise<Exit>;
  private exit: Exit | null = null;

  private constructor(
    private readonly child: ChildProcess,
    /** Holds configuration and output. */
    readonly directory: string,
    readonly configFile: string | null,
  ) {
    this.exited = new Promise((settle, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => settle((this.exit = { code, signal })));
    });
    this.exited.catch(() => undefined);
  }

  /** Resolves when the service listens. @throws Error with its output when it exits or is too slow */
  static async start(options: RouterProcessOptions): Promise<RouterProcess> {
    const router = RouterProcess.spawn(options);
    const url = await router.awaitOutput(BANNER, options.startWithinMs ?? 15_000).catch(async (error: unknown) => {
      await router.kill();
      throw error;
    });
    router.url = url[1] as string;
    return router;
  }

  /** Starts it and waits for nothing; for configurations that must be refused. */
  static spawn({ config, env = {}, dataDir }: RouterProcessOptions): RouterProcess {
    const main = resolve('dist/main.js');
    if (!existsSync(main)) throw new Error('dist/main.js is missing: run "npm run build" first');
    const directory = mkdtempSync(join(tmpdir(), 'router-'));
    const configFile = config && join(directory, 'router.config.yaml');
    if (configFile) writeFileSync(configFile, toYaml(config));
    const output = openSync(join(directory, 'output.log'), 'a');
    const child = spawn(process.execPath, [...NODE_FLAGS, main], {
      cwd: directory,
      stdio: ['ignore', output, output],
      env: {
        PATH: process.env['PATH'],
        ...compiledCode(),
        HOME: directory,
        ROUTER_DATA_DIR: dataDir ?? join(directory, 'data'),
        ...(configFile ? { ROUTER_CONFIG: configFile } : { PORT: '0' }),
        ...env,
      },
    });
    closeSync(output);
    return new RouterProcess(child, directory, configFile);
  }

  get pid(): number {
    return this.child.pid as number;
  }

  /** Everything it has printed so far, line by line. */
  get output(): string[] {
    return this.text.split('\n').filter((line) => line !== '');
  }

  /** The lines of its log: those that are JSON. */
  get log(): Record<string, unknown>[] {
    const complete = this.text.slice(0, this.text.lastIndexOf('\n') + 1).split('\n');
    return complete.flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Record<string, unknown>] : []));
  }

  /** Waits until the output matches. @throws Error when the process ends first or `withinMs` pass */
  async awaitOutput(pattern: RegExp, withinMs: number): Promise<RegExpExecArray> {
    const end = performance.now() + withinMs;
    for (;;) {
      const match = pattern.exec(this.text);
      if (match) return match;
      if (this.exit) throw this.failure(`exited with ${this.exit.code ?? this.exit.signal}`);
      if (performance.now() > end) throw this.failure(`did not print ${pattern} within ${withinMs} ms`);
      await setTimeout(POLL_MS);
    }
  }

  /** Replaces the configuration file; the service notices by itself or at SIGHUP. */
  rewriteConfig(config: RouterConfigInput): void {
    if (!this.configFile) throw new Error('started without a configuration file');
    writeFileSync(this.configFile, toYaml(config));
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** SIGTERM, and how it ended. @throws Error, after a SIGKILL, when it does not end in time */
  async stop(withinMs = 60_000): Promise<Exit> {
    this.child.kill('SIGTERM');
    const late = new AbortController();
    const exit = await Promise.race([
      this.exited,
      setTimeout(withinMs, null, { signal: late.signal }).catch(() => null),
    ]);
    late.abort();
    if (!exit) {
      const failure = this.failure(`still ran ${withinMs} ms after SIGTERM`);
      await this.kill();
      throw failure;
    }
    this.cleanUp();
    return exit;
  }

  /** SIGKILL. */
  async kill(): Promise<Exit> {
    this.child.kill('SIGKILL');
    const exit = await this.exited;
    this.cleanUp();
    return exit;
  }

  private get text(): string {
    return this.lastText ?? endOf(join(this.directory, 'output.log'));
  }
  private lastText: string | null = null;

  private cleanUp(): void {
    this.lastText ??= this.text; // output can still be read afterwards
    rmSync(this.directory, { recursive: true, force: true });
  }

  private failure(what: string): Error {
    return new Error(`the router (pid ${this.pid}) ${what}. Its last output:\n${this.output.slice(-20).join('\n')}`);
  }
}

/** The last part of a file: the log of a long run is larger than a string can be. */
function endOf(path: string): string {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    const bytes = Buffer.alloc(Math.min(size, MOST_OUTPUT_BYTES));
    readSync(file, bytes, 0, bytes.length, size - bytes.length);
    return bytes.toString();
  } finally {
    closeSync(file);
  }
}

function toYaml(config: RouterConfigInput): string {
  return stringify({ ...config, server: { port: 0, ...config.server } });
}
