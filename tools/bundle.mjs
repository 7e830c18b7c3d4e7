// The second half of a build: dist/main.js and every package it loads at the start become one file (docs/adr/0017). What
// our code loads when it is needed (the Azure SDKs, ioredis, tracing) stays in node_modules.
import { readFile, writeFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import ts from 'typescript';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));

/** They find files by their own place. */
const KEPT_APART = ['swagger-ui-dist', 'pino'];
/** `{"version":3,"sources":[""],"mappings":"A"}`: packages are shown as they are in the bundle. */
const NO_SOURCE_MAP =
  '\n//# sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjozLCJzb3VyY2VzIjpbIiJdLCJtYXBwaW5ncyI6IkEifQ==';

/** For packages that are no ES modules. */
const REQUIRE =
  "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);";

const isPackage = /^[^./]/;
const isBuiltin = (path) => path.startsWith('node:') || builtinModules.includes(path);

/**
 * What our code imports dynamically is loaded from node_modules when it is needed; what is not installed (optional
 * packages of Nest and Terminus) fails when it is asked for, as without a bundle.
 */
const outside = {
  name: 'outside',
  setup({ onResolve, resolve }) {
    onResolve({ filter: isPackage }, async ({ path, pluginData, importer, kind, namespace, resolveDir }) => {
      if (pluginData === 'asked' || isBuiltin(path)) return undefined;
      if (kind === 'dynamic-import' && importer.startsWith(dist)) return { path, external: true };
      const found = await resolve(path, { importer, kind, namespace, resolveDir, pluginData: 'asked' });
      return found.errors.length > 0 ? { path, external: true } : found;
    });
  },
};

/**
 * An `import` of `node:http` makes Node read every property of it, one of which loads the whole HTTP client that `fetch`
 * has (2 MB, 20 ms); `require` does not.
 */
const httpByRequire = {
  name: 'http by require',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(node:)?https?$/ }, ({ path, kind }) =>
      kind === 'require-call' ? undefined : { path, namespace: 'builtin' },
    );
    onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = require('${path}');`,
    }));
  },
};

const noMapsOfPackages = {
  name: 'no maps of packages',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]node_modules[\\/].*\.[cm]?js$/ }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8')) + NO_SOURCE_MAP,
    }));
  },
};

/**
 * `keepNames` gives every class the name it had, which logs and errors show, and every function as well: for each closure
 * that a request makes a property would be defined, 9 % of its CPU. `__name(value, "name")` becomes `(value)`, which has
 * the name of its variable; `__name(this, "name")`, in a class, stays.
 */
function withoutNamesOfFunctions(text) {
  const file = ts.createSourceFile('main.js', text, ts.ScriptTarget.ESNext, false, ts.ScriptKind.JS);
  const pieces = [];
  let at = 0;
  const leaveOut = (from, to) => {
    pieces.push(text.slice(at, from));
    at = to;
  };
  const visit = (node) => {
    const isNaming = ts.isCallExpression(node) && node.expression.text === '__name';
    const [value] = isNaming ? node.arguments : [];
    const isOfFunction = isNaming && value.kind !== ts.SyntaxKind.ThisKeyword;
    if (isOfFunction) leaveOut(node.expression.getStart(file), node.expression.end);
    ts.forEachChild(node, visit);
    if (isOfFunction) leaveOut(value.end, node.end - 1);
  };
  visit(file);
  return pieces.join('') + text.slice(at);
}

/**
 * With one other character V8 keeps the whole source in two bytes a character, 7 MB more. esbuild leaves them in comments
 * and in regular expressions alone, where the escape means the same.
 */
const inAscii = (text) =>
  text.replace(/[^\x00-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

const { outputFiles } = await build({
  entryPoints: { main: join(dist, 'main.js') },
  outdir: dist,
  write: false,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  external: KEPT_APART,
  keepNames: true,
  sourcemap: 'external', // read by Node it would take 16 MB; it is there for who has to look a line up
  sourcesContent: false,
  logLevel: 'warning',
  banner: { js: REQUIRE },
  plugins: [outside, httpByRequire, noMapsOfPackages],
});

for (const { path, text } of outputFiles) {
  await writeFile(path, path.endsWith('.js') ? inAscii(withoutNamesOfFunctions(text)) : text);
}
