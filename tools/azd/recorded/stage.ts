import { spawn } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';

export interface Told {
  readonly code: number | null;
  readonly out: string;
  readonly error: string;
  /** What az and azd were asked, in order. */
  readonly calls: readonly (readonly string[])[];
}

/** A project folder as azd sees it, and a PATH on which az and azd answer as they did: nothing reaches Azure. */
export class Stage {
  readonly folder = mkdtempSync(join(tmpdir(), 'router-azd-'));

  constructor() {
    const bin = join(this.folder, 'bin');
    mkdirSync(bin);
    for (const name of ['az', 'azd']) {
      writeFileSync(
        join(bin, name),
        `#!/bin/sh\nexec "${process.execPath}" "${resolve('tools/azd/recorded/play.mjs')}" ${name} "$@"\n`,
      );
      chmodSync(join(bin, name), 0o755);
    }
    for (const folder of ['tools/azd', 'tools/release']) cpSync(folder, join(this.folder, folder), { recursive: true });
    mkdirSync(join(this.folder, 'infra'));
    for (const name of ['dev', 'staging', 'prod'])
      writeFileSync(join(this.folder, `infra/main.${name}.bicepparam`), `using './main.bicep'\n// ${name}\n`);
    writeFileSync(join(this.folder, 'infra/main.bicep'), "targetScope = 'subscription'\n");
  }

  /** Without az and azd on its PATH. */
  forgetTools(): void {
    rmSync(join(this.folder, 'bin'), { recursive: true });
  }

  /** @param command the line of azure.yaml, or another one; run by sh as azd does, in the project's folder */
  async run(command: string, answers: Record<string, unknown>, env: Record<string, string> = {}): Promise<Told> {
    const [recorded, calls] = [join(this.folder, 'recorded.json'), join(this.folder, 'calls')];
    writeFileSync(recorded, JSON.stringify(answers));
    writeFileSync(calls, '');
    const [node] = [join(process.execPath, '..')];
    const child = spawn('/bin/sh', ['-c', command], {
      cwd: this.folder,
      env: {
        PATH: [join(this.folder, 'bin'), node, '/usr/bin', '/bin'].join(delimiter),
        RECORDED: recorded,
        CALLS: calls,
        ...env,
      },
    });
    const [out, error]: Buffer[][] = [[], []];
    child.stdout.on('data', (data: Buffer) => out!.push(data));
    child.stderr.on('data', (data: Buffer) => error!.push(data));
    const code = await new Promise<number | null>((settle) => child.once('close', settle));
    const lines = readFileSync(calls, 'utf8').split('\n').filter(Boolean);
    const text = (parts: Buffer[]) => Buffer.concat(parts).toString();
    return { code, out: text(out!), error: text(error!), calls: lines.map((line) => JSON.parse(line) as string[]) };
  }

  read(file: string): string | null {
    const path = join(this.folder, file);
    return existsSync(path) ? readFileSync(path, 'utf8') : null;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}

/** What was kept in the azd environment, by name. */
export const kept = ({ calls }: Told): Record<string, string> =>
  Object.fromEntries(
    calls
      .filter(([name, , verb]) => name === 'azd' && verb === 'set')
      .map(([, , , key = '', value = '']) => [key, value]),
  );
