import { InvalidRequest } from '../../common/app-error.js';
import { isFields, ownField, type Fields } from '../../common/json/fields.js';

/** An object of a request and where it stands, such as `input[0].content[1]`. What is of a wrong type is a 400 with its path. */
export class SentItem {
  constructor(
    readonly fields: Fields,
    readonly path: string,
  ) {}

  /** Of the outermost object: its fields have their names as paths. */
  at(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`;
  }

  /** Its value; `null` is absent. */
  value(name: string): unknown {
    return ownField(this.fields, name) ?? undefined;
  }

  /** @throws InvalidRequest it is no string */
  textOr<T>(name: string, absent: T): string | T {
    const value = this.value(name);
    if (value === undefined) return absent;
    if (typeof value !== 'string') throw this.wrong(name, 'expected a string');
    return value;
  }

  /** @throws InvalidRequest it is missing, or no string */
  text(name: string): string {
    const text = this.textOr(name, null);
    if (text === null) throw this.wrong(name, 'missing; expected a string');
    return text;
  }

  /** @throws InvalidRequest it is no list of objects */
  items(name: string): SentItem[] {
    const value = this.value(name);
    if (value === undefined) return [];
    if (!Array.isArray(value)) throw this.wrong(name, 'expected a list');
    const path = this.at(name);
    return value.map((item: unknown, at) => {
      if (isFields(item)) return new SentItem(item, `${path}[${at}]`);
      throw new InvalidRequest(`${path}[${at}]: expected an object`, `${path}[${at}]`);
    });
  }

  /** @throws InvalidRequest it is no object */
  member(name: string): SentItem | null {
    const value = this.value(name);
    if (value === undefined) return null;
    if (!isFields(value)) throw this.wrong(name, 'expected an object');
    return new SentItem(value, this.at(name));
  }

  wrong(name: string, message: string): InvalidRequest {
    return new InvalidRequest(`${this.at(name)}: ${message}`, this.at(name));
  }
}
