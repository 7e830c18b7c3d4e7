/** Words in front of a number that say what it is. */
export interface Labels {
  /** Lower case, whole words. */
  readonly words: ReadonlySet<string>;
  /** What is no single word: of scripts without spaces, or several words; anywhere in front of the number. */
  readonly phrases?: RegExp;
}

const labels = (words: string, phrases?: RegExp): Labels => ({
  words: new Set(words.split(' ')),
  ...(phrases ? { phrases } : {}),
});

export const PHONE_LABELS = labels(
  'phone phones tel tél telephone telefon telefono teléfono téléphone telefone telefoon telefonu telefonnummer rufnummer notfallnummer ' +
    'durchwahl festnetz festnetznummer mobile mobil móvil movil mobilfunk celular cel celulares cellulare cell handy handynummer ' +
    'mobilnummer portable fijo call calling called calls dial ring rang fax whatsapp signal sms viber telegram text texted hotline ' +
    'phonenumber mobilenumber voicemail landline reach contact llámame llamame llama llamar llame llamen appelle appelez appeler ' +
    'rappelle rappelez joindre joignable chiama chiamami ruf rufe ruft anrufen angerufen rückruf erreichbar erreichen тел телефон ' +
    'мобильный звоните номер هاتف جوال फोन फ़ोन मोबाइल',
  /电话|電話|手机|手機|携帯|ケータイ|内線|着信|拨打|致电|来电|座机|热线|客服|微信|전화|휴대폰|연락처/,
);

export const CARD_LABELS = labels(
  'card cards visa mastercard maestro amex credit debit cc pan karte karten kreditkarte kartennummer kreditkartennummer tarjeta ' +
    'tarjetas carte cartes cartão carta',
  /卡|カード|카드/,
);

/** A number that follows such a word is one of a thing, not of a person. */
export const THING_LABELS = labels(
  'isbn issn ean gtin upc sku asin vin ref reference referencia référence ticket serial serie série tracking suivi seguimiento invoice ' +
    'order orders bestellung bestellnummer auftrag auftragsnummer rechnung rechnungsnummer rechnungsnr kundennummer kundennr ' +
    'vertragskonto vertragsnummer artikelnummer inventarnummer vorgangsnummer seriennummer chargennummer charge aktenzeichen ' +
    'sendungsnummer sendung paketnummer paket commande facture dossier colis pedido factura envío expediente lote lot ordine fattura ' +
    'заказ счет id ids pid uid article artikel artículo articulo art part model modelo modèle modell timestamp epoch unix unixzeit port ' +
    'bytes batch build commit parcel shipment member membership account case claim patent siret siren tva barcode ups fedex usps dhl ' +
    'lotto lottery lotterie loterie lotería tirage sorteo gewinnzahlen lieferschein zähler zählerstand',
  /(?<!\p{L})\p{L}{3,}(?<!ruf|notfall|handy|telefon|mobil|fax|funk)(?:nummer|nr|schein|stand)(?!\p{L})|订单|訂單|编号|編號|運單|运单|单号|單號|发票|条形码|序列号|流水|会员|會員|商品|学号|工号|货号|型号|案号|注文|伝票|品番|型番|製造番号|会員|追跡|請求書|주문|운송장/iu,
);

/** Such things have numbers of any form, also of three groups with hyphens. */
export const NUMBERED_LABELS = labels(
  'order invoice sku part model serial serie série article item product tracking ticket case batch build po ref reference referencia ' +
    'référence bestellung bestellnummer rechnung rechnungsnummer artikelnummer artikel artículo auftragsnummer commande facture pedido ' +
    'factura lote lot',
  /订单|訂單|编号|货号|单号|注文|品番|型番|伝票|주문/,
);
/** `invoice number: `; from further away such a word may be one of another sentence. */
export const NUMBERED_REACH = 18;

/** Four numbers with dots behind such a word are no address. */
export const VERSION_LABELS = labels(
  'v ver version versión versione versions versiones versionen versie версия release build firmware patch update updated updating ' +
    'upgrade upgraded upgrading downgrade downgraded bump bumped section sections sección sezione chapter clause clauses cláusula ' +
    'article artículo abschnitt absatz ziffer kapitel capítulo chapitre paragraph paragraphe alinéa párrafo apartado inciso annex annexe ' +
    'anexo anlage appendix anhang figure figura table tabla tableau tabelle step oid kernel driver revision rev sdk runtime chrome ' +
    'firefox windows android safari edge opera electron webkit gecko macos ios ipados python java jdk jre jvm php ruby perl dotnet ' +
    'framework openssl libssl library lib package pkg plugin assembly bios fw tag semver rpm deb nuget maven pip gem bundle changelog ' +
    'punkt numeral epígrafe heading rule item requirement task',
  /版本|バージョン|버전|章|节|節|条|條|項|表|图|図/,
);
/** Behind these other words may stand in between: `the firmware went from `. */
export const RELEASE_LABELS = labels(
  'version versión versione versions versiones versionen versie release releases firmware driver treiber build',
  /版本|バージョン|버전|ファームウェア|固件/,
);
/** Four small numbers near such a word are an address also without one of `ADDRESS_LABELS`. */
export const VISITOR_LABELS = labels(
  'from request requests remote addr src source dst dest destination login logged blocked banned ban allow deny visitor visitors user ' +
    'attack scan abuse at to via von über desde de depuis reach reached called',
  /来自|访问|から/,
);
/** Nearer than a word for versions they say that it is an address all the same. */
export const ADDRESS_LABELS = labels(
  'ip ips ipv4 address addresses adresse adressen dirección direcciones host hosts hostname server servers serveur servidor router ' +
    'gateway ping ssh dns node machine rechner network netz netzwerk réseau red subnet lan vpn proxy firewall nas printer drucker client ' +
    'peer listen listens bind connect connects connected traceroute nmap curl whois',
  /地址|服务器|主机|网关|内网|アドレス|サーバ|ホスト|주소|서버/,
);

export const SSN_LABELS = labels(
  'ssn ssns security sozialversicherungsnummer rentenversicherungsnummer sécu nir nuss',
  /social security|soc\.? ?sec|segur(?:o|idad) social|sécurité sociale|social insurance|(?:社会|社會)(?:安全|保障|保险|保険)|社安|ソーシャルセキュリティ|사회보장/i,
);
/** Of the number that China's residents and Japan's have. */
export const RESIDENT_LABELS = labels('', /身份证|身份證|公民身份|マイナンバー|個人番号/);

const REACH = 28;
const WORDS = /[\p{L}\p{M}]+/gu;
const CUT_WORD = /^[\p{L}\p{M}]+/u;

/** What stands in front of a place on the same line, with no digit in it. */
const textBefore = (text: string, at: number, reach: number): string =>
  text
    .slice(Math.max(0, at - reach - 1), at)
    .split(/[\d\n]/)
    .at(-1)!;
/** Without the word that is cut, if it is longer than what is looked at. */
const wordsIn = (text: string, most: number): string[] =>
  (text.length > most ? text.replace(CUT_WORD, '') : text).match(WORDS) ?? [];

/** Whether one of the labels stands in a text. @param most characters of it, else its first word is cut */
export const hasLabel = (text: string, { words, phrases }: Labels, most = Infinity): boolean =>
  wordsIn(text, most).some((word) => words.has(word.toLowerCase())) || (phrases?.test(text) ?? false);

/**
 * Whether one of the labels stands in front of `at`, on the same line and with no digit between. Looks at most 28
 * characters back, and never past the number before: so all look-ups over a text together are linear in it.
 */
export const isLabelled = (text: string, at: number, of: Labels, reach = REACH): boolean =>
  hasLabel(textBefore(text, at, reach), of, reach);

/** Whether one of the labels stands behind `end`, as near as `isLabelled` looks in front. */
export const isLabelledBehind = (text: string, end: number, of: Labels): boolean =>
  hasLabel(text.slice(end, end + REACH).split(/[\d\n]/)[0]!, of);

/** Which of two kinds of labels the nearest word in front of `at` is that is one. */
export function nearestLabel(text: string, at: number, first: Labels, second: Labels): Labels | null {
  for (const word of wordsIn(textBefore(text, at, REACH), REACH).reverse()) {
    const found = [first, second].find((labels) => hasLabel(word, labels));
    if (found) return found;
  }
  return null;
}
