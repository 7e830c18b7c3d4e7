const plain = (model: string): string =>
  model
    .toLowerCase()
    .replaceAll('.', '-')
    .replace(/(-latest|[-@]\d{8}|-20\d\d-\d\d-\d\d)$/, '');

/** Whether two names are of one model: servers answer with the dated name of a version that was asked for by its alias. */
export const isSameModel = (one: string, other: string): boolean => plain(one) === plain(other);
