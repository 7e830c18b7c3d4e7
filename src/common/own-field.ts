/**
 * The one place that reads and writes properties by a name from outside (a model server's frame, a request, a stored
 * document, a tenant's name). On an object with a prototype `__proto__` would change that prototype for the whole
 * process, and `constructor` would find a function; a lint rule sends every such access here, or to a `Map`.
 */
type Fields<T> = { [name: string]: T };

/** The object's own field of that name; what it inherits is not there. */
export function ownField<T>(fields: Readonly<Fields<T>>, name: PropertyKey): T | undefined {
  return Object.hasOwn(fields, name) ? fields[name as string] : undefined;
}

/** Sets a field of the object itself, whatever its name. */
export function setOwnField<T>(fields: Fields<T>, name: PropertyKey, value: T): void {
  if (name === '__proto__') {
    Object.defineProperty(fields, name, { value, enumerable: true, configurable: true, writable: true });
  } else {
    fields[name as string] = value;
  }
}
