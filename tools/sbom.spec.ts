import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Lock {
  readonly packages: Record<string, { readonly version: string; readonly dev?: boolean }>;
}
interface Bill {
  readonly bomFormat: string;
  readonly metadata: { readonly component: { readonly name: string; readonly version: string } };
  readonly components: readonly { readonly name: string; readonly version: string; readonly purl: string }[];
}
interface Manifest {
  readonly version: string;
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
}
const json = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));

describe('the bill of materials', () => {
  let folder: string;
  let bill: Bill;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'sbom-spec-'));
    const file = join(folder, 'sbom.json');
    execFileSync(process.execPath, ['tools/sbom.mjs', file], { stdio: 'pipe' });
    bill = json(file) as Bill;
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const listed = () => new Set(bill.components.map(({ name, version }) => `${name}@${version}`));

  it('is of this service', () => {
    const { version } = json('package.json') as Manifest;
    expect(bill.bomFormat).toBe('CycloneDX');
    expect(bill.metadata.component).toMatchObject({ name: 'hybrid-llm-router', version });
  });

  it('lists every package that production installs, and no other', () => {
    const { packages } = json('package-lock.json') as Lock;
    const name = (path: string) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const production = Object.entries(packages).filter(([path, { dev }]) => path !== '' && !dev);
    expect(production.length).toBeGreaterThan(200);
    expect([...listed()].sort()).toEqual(
      [...new Set(production.map(([path, { version }]) => `${name(path)}@${version}`))].sort(),
    );
  });

  it('has what package.json names for production, and no tool of development', () => {
    const { dependencies, devDependencies } = json('package.json') as Manifest;
    const names = new Set(bill.components.map(({ name }) => name));
    expect(Object.keys(dependencies).filter((name) => !names.has(name))).toEqual([]);
    const { packages } = json('package-lock.json') as Lock; // some stay installed, as optional peers
    const tools = Object.keys(devDependencies).filter((name) => packages[`node_modules/${name}`]?.dev);
    expect(tools).toEqual(expect.arrayContaining(['jest', 'eslint', '@nestjs/cli', 'azurite', 'fast-check']));
    expect(tools.filter((name) => names.has(name))).toEqual([]);
    for (const { purl } of bill.components) expect(purl).toMatch(/^pkg:npm\//);
  });
});
