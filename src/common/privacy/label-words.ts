/** Words in front of a number that say what it is. */
export interface Labels {
  /** Lower case, whole words. */
  readonly words: ReadonlySet<string>;
  /** Of scripts without spaces: anywhere in front of the number. */
  readonly eastAsian?: RegExp;
}

const labels = (words: string, eastAsian?: RegExp): Labels => ({
  words: new Set(words.split(' ')),
  ...(eastAsian ? { eastAsian } : {}),
});

export const PHONE_LABELS = labels(
  'phone phones tel telephone telefon telefono teléfono téléphone telefone telefoon telefonu telefonnummer rufnummer mobile mobil ' +
    'móvil movil celular cellulare cell handy handynummer mobilnummer portable call calling dial ring fax whatsapp signal sms ' +
    'viber hotline phonenumber mobilenumber reach contact llámame llama llame appelle appelez chiama chiamami ruf rufe anrufen erreichbar ' +
    'тел телефон мобильный звоните номер هاتف جوال फोन फ़ोन मोबाइल',
  /电话|電話|手机|手機|携帯|전화|휴대폰|연락처/,
);

/** A number that follows such a word is one of a thing, not of a person. */
export const THING_LABELS = labels(
  'isbn issn ean gtin upc sku asin vin ref reference ticket serial tracking invoice order bestellung bestellnummer auftragsnummer ' +
    'rechnung rechnungsnummer kundennummer artikelnummer vorgangsnummer aktenzeichen sendungsnummer commande facture pedido factura ' +
    'ordine fattura заказ счет id pid uid article artikel part model timestamp epoch unix port bytes batch build commit parcel',
  /订单|訂單|编号|運單|运单|注文|주문/,
);

/** Such things have numbers of any form, also of three groups with hyphens. */
export const NUMBERED_LABELS = labels(
  'order invoice sku part model serial article item product tracking ticket case batch build po ref bestellung bestellnummer ' +
    'rechnung rechnungsnummer artikelnummer auftragsnummer commande facture pedido factura',
  /订单|訂單|编号|注文|주문/,
);
/** `invoice number: `; from further away such a word may be one of another sentence. */
export const NUMBERED_REACH = 18;

/** Four numbers with dots behind such a word are no address. */
export const VERSION_LABELS = labels(
  'v ver version versión versione versions versie версия release build firmware patch update updated updating upgrade upgraded upgrading downgrade downgraded bump bumped section chapter clause ' +
    'article abschnitt kapitel paragraph figure table step oid kernel driver revision rev sdk runtime chrome firefox windows android ' +
    'safari edge opera electron webkit gecko macos ios ipados python java jdk jre jvm php ruby perl dotnet framework openssl libssl ' +
    'library lib package pkg plugin assembly bios fw tag semver rpm deb nuget maven pip gem bundle changelog punkt ziffer appendix anhang',
  /版本|バージョン|버전|章/,
);

export const SSN_LABELS = labels('ssn ssns security');

const REACH = 28;
const WORDS = /[\p{L}\p{M}]+/gu;
const CUT_WORD = /^[\p{L}\p{M}]+/u;

/**
 * Whether one of the labels stands in front of `at`, on the same line and with no digit between. Looks at most 28
 * characters back, and never past the number before: so all look-ups over a text together are linear in it.
 */
export function isLabelled(text: string, at: number, { words, eastAsian }: Labels, reach = REACH): boolean {
  const before = text
    .slice(Math.max(0, at - reach - 1), at)
    .split(/[\d\n]/)
    .at(-1)!;
  const whole = before.length > reach ? before.replace(CUT_WORD, '') : before;
  return (
    (whole.match(WORDS)?.some((word) => words.has(word.toLowerCase())) ?? false) || (eastAsian?.test(before) ?? false)
  );
}
