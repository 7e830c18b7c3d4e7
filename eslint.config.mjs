// Every rule beyond the recommended ones enforces a line of the style guide; its message says why.
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';
import { outsideNames } from './tools/outside-names.mjs';

const BANNED_NAME =
  /(^|[/\\])(utils?|helpers?|managers?|base|common|common-[^/\\]*|index)\.[cm]?[jt]s$|[.-](utils?|helpers?|manager)\.[cm]?[jt]s$/;

/** Files are found by what they hold. */
const fileName = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      vague:
        'A file is named after the one thing it holds: "{{name}}" can hold anything, so nobody finds anything in it.',
    },
  },
  create: (context) => ({
    Program(node) {
      const name = context.filename.split(/[/\\]/).at(-1);
      if (BANNED_NAME.test(context.filename)) context.report({ node, messageId: 'vague', data: { name } });
    },
  }),
};

/** `IStore` and `StoreImpl` say nothing about what they are. */
const typeName = {
  meta: {
    type: 'problem',
    schema: [],
    messages: { mark: '"{{name}}": name the thing itself; a prefix I or a suffix Impl says nothing about it.' },
  },
  create: (context) => {
    const check = (node) => {
      const name = node.id?.name ?? '';
      if (/^I[A-Z][a-z]|Impl$/.test(name)) context.report({ node: node.id, messageId: 'mark', data: { name } });
    };
    return { TSInterfaceDeclaration: check, TSTypeAliasDeclaration: check, ClassDeclaration: check };
  },
};

const NO_DEFAULT_EXPORT = {
  selector: 'ExportDefaultDeclaration',
  message: 'A default export has another name in every file that imports it; export the name.',
};
const NO_CONSOLE = {
  selector: 'MemberExpression[object.name="console"]',
  message: 'Write to the logger: console lines are no JSON, carry no request id and are not redacted.',
};
const NO_ASSIGNED_CLOSURE = {
  selector: 'AssignmentExpression[left.type="MemberExpression"][right.type=/^(Arrow)?FunctionExpression$/]',
  message:
    'V8 makes a function that is assigned to a property in the old space, where it keeps all it can reach until the next full collection; assign a const, or keep the data.',
};
const LOOPBACK = '/^(localhost|127[.]|::1$|.::1.$)/';
const LOOPBACK_TEXT = ':matches(Literal[value=' + LOOPBACK + '], Literal[regex.pattern=/localhost|127/])';
const NO_TENANT_RULE = {
  selector: 'MemberExpression[property.name="targets"][object.callee.name="ownField"]',
  message:
    'Which targets a tenant may use is said by src/common/tenant-targets.ts alone, so that listing, decision, fallback and cache agree.',
};
const NO_LOOPBACK_RULE = {
  selector: `:matches(BinaryExpression[operator=/^[!=]==?$/], CallExpression[callee.property.name=/^(startsWith|includes|test|match)$/]) ${LOOPBACK_TEXT}`,
  message: 'What loopback is, is said once, in common/loopback.ts: isLoopbackHost knows every way to write it.',
};

const OUTSIDE_TEXT = {
  selector:
    'CallExpression[callee.object.property.name="logger"] > TemplateLiteral > :matches(MemberExpression[property.name="message"], Identifier[name=/^(sessionId|requestedModel)$/])',
  message:
    'What callers and model servers write is in no log: ownWords(error), sessionMark(id) and KnownModels are the ways to show it.',
};
const OWNER =
  'Work that nobody waits for has an owner that tells its failure and goes on: BackgroundWork (src/common/background-work.ts).';
/** What is thrown in any of these is nobody's, and ends the process or is lost. */
const NO_UNOWNED_WORK = [
  { selector: 'UnaryExpression[operator="void"]', message: `\`void\` hides a promise that nobody owns. ${OWNER}` },
  { selector: 'CallExpression[callee.name="setInterval"]', message: OWNER },
  {
    selector: 'ExpressionStatement > CallExpression[callee.property.name=/^(then|catch|finally)$/]',
    message: `Await it. ${OWNER}`,
  },
];

/** Who takes a slot, a lease, a key or a call gives it back on every way out. */
const GIVEN_BACK = [
  {
    selector: ':matches(FunctionDeclaration, FunctionExpression)[async=true][generator=true] TryStatement[finalizer]',
    message:
      "A generator that was never started runs no finally. What it gives back needs another owner as well: the caller's signal, or a method that ends it. Say which in a disable comment.",
  },
  {
    selector:
      'CallExpression[callee.object.property.name="raw"][callee.property.name=/^(on|once)$/][arguments.0.value=/^(close|aborted)$/]',
    message:
      'A connection that closed before never tells: CallerSignals or onceClosed (src/common/http) look first, and know pipelined requests.',
  },
];

const NO_RECURSIVE_MKDIR = {
  selector: 'CallExpression[callee.name=/^mkdir/] Property[key.name="recursive"]',
  message: 'It never returns below a folder such as /proc: makeFolder (src/common/make-folder.ts) does.',
};

const size = (max) => [{ max, skipBlankLines: true, skipComments: true }];

export default defineConfig(
  { ignores: ['dist/', 'dist-tools/', 'coverage/', 'data/', 'bench/results/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    // projectService finds tsconfig.json and with it emitDecoratorMetadata, which consistent-type-imports respects:
    // a class that Nest injects must stay a value import.
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { local: { rules: { 'file-name': fileName, 'type-name': typeName, 'outside-names': outsideNames } } },
    rules: {
      'local/file-name': 'error',
      'local/type-name': 'error',
      eqeqeq: ['error', 'smart'],
      'no-restricted-syntax': ['error', NO_DEFAULT_EXPORT],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true, allowNullish: true },
      ],
      // What was caught, or a signal's reason, goes on as it is.
      '@typescript-eslint/only-throw-error': ['error', { allowThrowingAny: true, allowThrowingUnknown: true }],
      // Ports have asynchronous methods; the adapter that needs no waiting still has to fit them.
      '@typescript-eslint/require-await': 'off',
      // noUncheckedIndexedAccess makes `list[i]!` after a bounds check unavoidable; it stays visible as `!`.
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['**/*.spec.ts'],
    rules: {
      // The tail tells good code from bad: longer ones need splitting, or a disable comment with its reason.
      'max-lines': ['error', ...size(250)],
      'max-lines-per-function': ['error', ...size(50)],
      'no-restricted-syntax': [
        'error',
        NO_DEFAULT_EXPORT,
        NO_CONSOLE,
        NO_ASSIGNED_CLOSURE,
        NO_LOOPBACK_RULE,
        NO_TENANT_RULE,
        OUTSIDE_TEXT,
        NO_RECURSIVE_MKDIR,
        ...NO_UNOWNED_WORK,
        ...GIVEN_BACK,
      ],
      '@typescript-eslint/no-floating-promises': [
        'error',
        // A reply is a promise of its end; its methods are not.
        {
          ignoreVoid: false,
          allowForKnownSafePromises: [{ from: 'package', package: 'fastify', name: 'FastifyReply' }],
        },
      ],
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['**/*.spec.ts', '**/*.fixture.ts', 'src/common/json/fields.ts'],
    rules: { 'local/outside-names': 'error' },
  },
  {
    // jest's matchers (`expect.any`, `toMatchObject`) and parsed answers are `any` by their types.
    files: ['**/*.spec.ts', 'test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-misused-promises': 'off',
    },
  },
  {
    files: ['**/*.mjs', '**/*.cjs'],
    plugins: { local: { rules: { 'file-name': fileName } } },
    rules: {
      'local/file-name': 'error',
      eqeqeq: 'error',
      'no-unused-vars': 'error',
      'prefer-const': 'error',
      'no-var': 'error',
    },
  },
);
