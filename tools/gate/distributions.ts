/** Lanczos, g = 7, n = 9: 15 digits for x > 0. */
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
] as const;
const SMALLEST = 1e-300;
const PRECISE = 1e-14;
const MOST_STEPS = 10_000;

function logGamma(x: number): number {
  const [first, ...rest] = LANCZOS;
  const shifted = x - 1;
  const sum = rest.reduce((all, c, i) => all + c / (shifted + i + 1), first as number);
  const t = shifted + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(t) - t + Math.log(sum);
}

/** Its continued fraction by Lentz's method: DLMF 8.17.22. */
function betaFraction(x: number, a: number, b: number): number {
  const nonZero = (value: number) => (Math.abs(value) < SMALLEST ? SMALLEST : value);
  let c = 1;
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1));
  let result = d;
  for (let m = 1; m < MOST_STEPS; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    let change = 1;
    for (const term of [even, odd]) {
      d = 1 / nonZero(1 + term * d);
      c = nonZero(1 + term / c);
      change = c * d;
      result *= change;
    }
    if (Math.abs(change - 1) < PRECISE) break;
  }
  return result;
}

/** The regularised incomplete beta function I_x(a, b), a and b > 0 (DLMF 8.17). */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(
    logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x), // symmetric in (x, a) and (1 - x, b)
  );
  return x < (a + 1) / (a + b + 2) ? (front * betaFraction(x, a, b)) / a : 1 - (front * betaFraction(1 - x, b, a)) / b;
}

/** P(X >= k) of a binomial variable (DLMF 8.17.5); k and n may be fractions, as counts that were divided are. */
export const binomialTail = (k: number, n: number, p: number): number => (k <= 0 ? 1 : incompleteBeta(p, k, n - k + 1));

/** P(T > t) of Student's t (DLMF 8.17, Abramowitz & Stegun 26.7.1). */
export function studentTail(t: number, df: number): number {
  const tail = incompleteBeta(df / (df + t * t), df / 2, 0.5) / 2;
  return t >= 0 ? tail : 1 - tail;
}

/** With so many degrees of freedom Student's distribution is the normal one. */
const NORMAL_DF = 1e7;

/** P(Z > z) of the normal distribution. */
export const normalTail = (z: number): number => studentTail(z, NORMAL_DF);

/** The t above which `tail` of Student's distribution lies, 0 < tail < 0.5. */
export function studentQuantile(tail: number, df: number): number {
  let low = 0;
  let high = 1;
  while (studentTail(high, df) > tail) high *= 2;
  for (let step = 0; step < 100; step += 1) {
    const middle = (low + high) / 2;
    if (studentTail(middle, df) > tail) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The z above which `tail` of the normal distribution lies. */
export const normalQuantile = (tail: number): number => studentQuantile(tail, NORMAL_DF);
