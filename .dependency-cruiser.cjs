/** The architecture as rules; each says why, so that the one who meets it can judge. */
const NOT_SPEC = '\\.spec\\.ts$';
const ADAPTERS = '(/adapters/|/discovery/|\\.transport\\.ts$)';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      comment: 'Files in a circle can only be understood, tested and changed together. Move the shared part out.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'common-knows-no-module',
      comment:
        'src/common is the vocabulary that every module speaks; knowing one, it would drag that module everywhere.',
      severity: 'error',
      from: { path: '^src/common/' },
      to: { path: '^src/modules/' },
    },
    {
      name: 'modules-meet-through-messages',
      comment:
        'A module can be rewritten as long as its messages stay: from outside import only its <module>.messages.ts ' +
        'and send commands, queries and events.',
      severity: 'error',
      from: { path: '^src/modules/([^/]+)/' },
      to: { path: '^src/modules/', pathNot: ['^src/modules/$1/', '^src/modules/([^/]+)/\\1\\.messages\\.ts$'] },
    },
    {
      name: 'app-module-wires-modules',
      comment: 'src/app.module.ts puts the modules together and knows nothing of what is inside them.',
      severity: 'error',
      from: { path: '^src/app\\.module\\.ts$' },
      to: { path: '^src/modules/', pathNot: '^src/modules/([^/]+)/\\1\\.module\\.ts$' },
    },
    {
      name: 'start-up-speaks-messages',
      comment: 'Start-up code (src/*.ts) is outside every module, and talks to them as modules talk to each other.',
      severity: 'error',
      from: { path: '^src/[^/]+\\.ts$', pathNot: '^src/app\\.module\\.ts$' },
      to: { path: '^src/modules/', pathNot: '^src/modules/([^/]+)/\\1\\.messages\\.ts$' },
    },
    {
      name: 'sdk-only-in-adapters',
      comment:
        "A vendor's client behind one of our ports can be replaced, faked and upgraded in one folder. `import type` " +
        'is free: it is gone at run time.',
      severity: 'error',
      from: { path: '^src/', pathNot: [ADAPTERS, NOT_SPEC] },
      to: {
        path: '(^|/)node_modules/(openai|@azure|ioredis|redis|undici|cache-manager-ioredis-yet)/|^(node:)?sqlite$',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'no-barrels',
      comment: 'An index.ts makes everything behind it public and hides where a thing lives. Import the file itself.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '/index\\.ts$', dependencyTypes: ['local'] },
    },
    {
      name: 'no-orphans',
      comment: 'Nothing imports this file and it imports nothing: delete it or use it.',
      severity: 'error',
      from: { orphan: true, path: '^src/', pathNot: [NOT_SPEC, '\\.d\\.ts$', '^src/main\\.ts$'] },
      to: {},
    },
    {
      name: 'no-test-code-in-service',
      comment: 'What a spec or a development package holds is not there in production.',
      severity: 'error',
      from: { path: '^src/', pathNot: NOT_SPEC },
      to: { path: [NOT_SPEC, '^test/'] },
    },
    {
      name: 'resolvable',
      comment: 'An import that leads nowhere fails when the service starts.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist' },
    tsPreCompilationDeps: 'specify',
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
    builtInModules: { add: ['sqlite', 'node:sqlite'] },
  },
};
