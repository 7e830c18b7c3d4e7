/** Which telephone numbers a country can have, by its calling code (data of libphonenumber-js). */

/** Calling code -> lengths of a number behind it, digits; `null` until it was loaded. */
let plans: ReadonlyMap<string, ReadonlySet<number>> | null = null;
const LONGEST_CODE = 3; // ITU-T E.164

/**
 * Loads the plans of all countries, once. The library takes some 70 ms and 15 MB, so it is only loaded where telephone
 * numbers are looked for. Until then every number can be one.
 */
export async function loadNumberingPlans(): Promise<void> {
  if (plans) return;
  const [{ Metadata, getCountries, getCountryCallingCode }, { default: data }] = await Promise.all([
    import('libphonenumber-js/core'),
    import('libphonenumber-js/min/metadata'),
  ]);
  const metadata = new Metadata(data);
  const made = new Map<string, Set<number>>();
  const add = (code: string): void => {
    const lengths = made.get(code) ?? new Set();
    for (const length of metadata.numberingPlan?.possibleLengths() ?? []) lengths.add(length);
    made.set(code, lengths);
  };
  for (const country of getCountries(data)) {
    metadata.selectNumberingPlan(country);
    add(getCountryCallingCode(country, data));
  }
  plans = made;
}

/** Whether a number with its country, digits alone, is as long as numbers there are; also with the 0 of `+44 (0)20`. */
export function isNumberOfCountry(digits: string): boolean {
  if (!plans) return true;
  for (let end = 1; end <= LONGEST_CODE; end += 1) {
    const lengths = plans.get(digits.slice(0, end));
    if (!lengths) continue;
    const length = digits.length - end;
    return lengths.has(length) || (digits.charAt(end) === '0' && lengths.has(length - 1));
  }
  return false;
}
