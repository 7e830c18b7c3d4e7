/** `/ \ # ?`, control characters and `%` are not safe in keys of Table Storage; `=` marks what is escaped. */
export const tableKey = (name: string): string =>
  name.replace(/[^A-Za-z0-9._:@-]/gu, (char) => `=${char.codePointAt(0)!.toString(16)};`);
