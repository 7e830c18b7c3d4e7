// Preloaded into a service that is fuzzed: tells at its end what requests have put on the prototypes of the language.
const WATCHED = { Object, Array, String, Number, Boolean, Function, Map, Set, Promise, Buffer };

const keysOf = ({ prototype }) => Reflect.ownKeys(prototype).map(String);
const before = new Map(Object.entries(WATCHED).map(([name, type]) => [name, new Set(keysOf(type))]));

process.on('exit', () => {
  const added = Object.entries(WATCHED).flatMap(([name, type]) =>
    keysOf(type)
      .filter((key) => !before.get(name).has(key))
      .map((key) => `${name}.prototype.${key}`),
  );
  process.stdout.write(`prototypes: ${JSON.stringify(added)}\n`);
});
