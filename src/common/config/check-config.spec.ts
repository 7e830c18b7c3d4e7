import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkConfig } from './check-config.js';

describe('npm run config:check', () => {
  let cwd: string;
  beforeEach(() => (cwd = mkdtempSync(join(tmpdir(), 'router-check-'))));
  afterEach(() => rmSync(cwd, { recursive: true }));

  it('sums a good file up in one line', () => {
    writeFileSync(join(cwd, 'router.config.yaml'), 'targets: [{ id: a, tier: local, provider: simulated }]');
    const { exitCode, lines } = checkConfig({ env: {}, cwd });
    expect(exitCode).toBe(0);
    expect(lines).toEqual([expect.stringContaining('valid (1 target, 1 model, 0 keys; 127.0.0.1:8080)')]);
  });

  it('lists the problems of a bad file, a line each', () => {
    writeFileSync(join(cwd, 'router.config.yaml'), 'server: { port: -1 }\ncash: {}');
    const { exitCode, lines } = checkConfig({ env: {}, cwd });
    expect(exitCode).toBe(1);
    expect(lines).toEqual(['server.port: expected number to be >=0', 'cash: unknown key; did you mean "cache"?']);
  });
});
