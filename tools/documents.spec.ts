import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const FOLDERS = ['src', 'test', 'bench', 'tools', 'infra', 'docs'];
const entriesBelow = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(({ parentPath }) => !parentPath.includes('results'))
    .map((entry) => ({ path: join(entry.parentPath, entry.name), isFolder: entry.isDirectory() }));
const entries = [...FOLDERS.flatMap(entriesBelow), ...readdirSync('.').map((path) => ({ path, isFolder: false }))];
/** Every path, and what it ends in: documents may leave out where a folder stands. */
const endings = new Set(
  entries.flatMap(({ path }) => {
    const parts = path.split('/');
    return parts.map((_, from) => parts.slice(from).join('/'));
  }),
);

const documents = ['README.md', ...entries.map(({ path }) => path).filter((path) => /^docs\/.*\.md$/.test(path))];
const sources = entries.map(({ path }) => path).filter((path) => /\.(ts|mjs)$/.test(path) && !/artefact/.test(path));

/** Written by whoever runs the service. */
const OF_THE_OPERATOR = new Set(['router.config.yaml']);
const FILE = /(?<![\w./*<>-])[\w-][\w.-]*(?:\/[\w.-]+)*\.(?:ts|mjs|json|yaml|md)\b(?![\w*])/g;
const FOLDER = /`((?:src|test|bench|tools|docs|common|modules|adr|learned|adapters)(?:\/[\w-]+)*\/)`/g;
const LINK = /\]\(([^)\s]+)\)/g;
const FAULT = /\b(?:U|R|F|L|S)\d\d[a-z]?\b/g;

const found = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map(([all, group]) => group ?? all);
/** Slugs as GitHub makes them. */
const anchors = (text: string): string[] =>
  found(text, /^#+ (.+)$/gm).map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );

describe.each(documents)('%s', (document) => {
  const text = readFileSync(document, 'utf8');

  it('links to what exists', () => {
    const missing = found(text, LINK).filter((link) => {
      if (/^[a-z]+:/.test(link)) return false;
      const [path = '', anchor] = link.split('#');
      const file = path === '' ? document : join(dirname(document), path);
      return !existsSync(file) || (anchor !== undefined && !anchors(readFileSync(file, 'utf8')).includes(anchor));
    });
    expect(missing).toEqual([]);
  });

  it('names files and folders that exist', () => {
    const named = [...found(text, FILE), ...found(text, FOLDER).map((folder) => folder.slice(0, -1))];
    const missing = named.filter((name) => !OF_THE_OPERATOR.has(name) && !endings.has(name.replace(/^(\.\.?\/)+/, '')));
    expect(missing).toEqual([]);
  });
});

/** Each mention in a source with its file. */
const mentions = (pattern: RegExp) =>
  sources.flatMap((path) => found(readFileSync(path, 'utf8'), pattern).map((name) => ({ path, name })));

it('a section of DESIGN that a comment names is one', () => {
  const sections = found(readFileSync('docs/DESIGN.md', 'utf8'), /^## (\d+)\. /gm);
  const named = mentions(/DESIGN section (\d+)/g);
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter(({ name }) => !sections.includes(name))).toEqual([]);
});

it('a fault that a comment or a test names is in FAULTS', () => {
  const faults = new Set(found(readFileSync('docs/FAULTS.md', 'utf8'), FAULT));
  const named = mentions(FAULT);
  expect(named.length).toBeGreaterThan(100);
  expect(named.filter(({ name }) => !faults.has(name))).toEqual([]);
});

it('a heading of FAULTS that a comment names is one', () => {
  const headings = found(readFileSync('docs/FAULTS.md', 'utf8'), /^#+ (.+)$/gm);
  const named = sources
    .map((path) => readFileSync(path, 'utf8').replace(/\n\s*\* ?/g, ' '))
    .flatMap((text) => found(text, /\(FAULTS, "(\w[^"]+)"/g));
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter((heading) => !headings.includes(heading))).toEqual([]);
});
