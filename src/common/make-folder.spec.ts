import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeFolder } from './make-folder.js';

const place = mkdtempSync(join(tmpdir(), 'make-folder-'));
afterAll(() => rmSync(place, { recursive: true }));

it('makes what is missing, and minds nothing that is there', () => {
  const folder = join(place, 'a', 'b', 'c');
  makeFolder(folder);
  makeFolder(folder);
  expect(existsSync(folder)).toBe(true);
});

it('says so where no folder can be', () => {
  writeFileSync(join(place, 'file'), '');
  expect(() => makeFolder(join(place, 'file', 'below'))).toThrow(/ENOTDIR/);
});

/** Other systems have no `/proc`. */
const onLinux = process.platform === 'linux' ? it : it.skip;
onLinux('says so below a folder that takes nobody in', () => {
  expect(() => makeFolder('/proc/nope/data')).toThrow(/ENOENT/);
});
