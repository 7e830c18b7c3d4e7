import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bicepTemplates } from './bicep.js';

const PINNED = '0.49.2';

/** What `node tools/bicep.mjs` says on a machine that has nothing but these programs. */
function said(programs: Readonly<Record<string, string>>, ...args: string[]): string {
  const machine = mkdtempSync(join(tmpdir(), 'router-machine-'));
  const bin = join(machine, 'bin');
  mkdirSync(bin);
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  try {
    const env = { PATH: bin, HOME: machine, XDG_CACHE_HOME: join(machine, 'cache') };
    const output = execFileSync(process.execPath, ['tools/bicep.mjs', ...args], {
      ...{ env, encoding: 'utf8' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return output.replaceAll(machine, '~').trim();
  } finally {
    rmSync(machine, { recursive: true });
  }
}

const bicepOf = (version: string): string => `echo "Bicep CLI version ${version} (abc)"`;
const azOf = (version: string): string =>
  `[ "$*" = "bicep version" ] && echo "Bicep CLI version ${version} (abc)" || exit 2`;

describe('the Bicep compiler', () => {
  it('is said not to be there, with the cure', () => {
    expect(said({})).toBe(
      `There is no Bicep compiler here. Install bicep ${PINNED}, the Azure CLI (az bicep install) or the .NET SDK.`,
    );
    expect(said({}, '--json')).toBe('null');
  });

  it('is the one on PATH, when it is the pinned version', () => {
    expect(said({ bicep: bicepOf(PINNED), az: azOf(PINNED) })).toBe(`bicep ${PINNED}: bicep`);
  });

  it('is the one of the Azure CLI, when that is the pinned version and the one on PATH is not', () => {
    expect(said({ bicep: bicepOf('0.30.3'), az: azOf(PINNED) })).toBe(`bicep ${PINNED}: az bicep`);
  });

  it('is another version only where the pinned one cannot be had', () => {
    expect(said({ bicep: bicepOf('0.30.3') })).toBe('bicep 0.30.3: bicep');
    expect(said({ bicep: bicepOf('0.30.3'), dotnet: 'exit 1' }, '--json')).toBe(
      '{"command":["bicep"],"version":"0.30.3"}',
    );
  });

  it('is missed by the check in one sentence, and not by a failure', async () => {
    const { PATH, XDG_CACHE_HOME } = process.env;
    const nothing = mkdtempSync(join(tmpdir(), 'router-nothing-'));
    Object.assign(process.env, { PATH: nothing, XDG_CACHE_HOME: nothing });
    try {
      expect(await bicepTemplates.missing?.()).toMatch(
        /^not compiled here: there is no Bicep compiler\. Install bicep/,
      );
    } finally {
      Object.assign(process.env, { PATH });
      if (XDG_CACHE_HOME === undefined) delete process.env['XDG_CACHE_HOME'];
      else process.env['XDG_CACHE_HOME'] = XDG_CACHE_HOME;
      rmSync(nothing, { recursive: true });
    }
  });
});
