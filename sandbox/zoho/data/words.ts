/** The words of the seeded shop: a trader of household goods and electronics with customers all over Iraq. */

export const productNouns = [
  ['Electric Kettle', 'غلاية كهربائية'], ['Rice Cooker', 'طباخة رز'], ['LED Lamp', 'مصباح ليد'], ['Ceiling Fan', 'مروحة سقفية'],
  ['Tea Glass Set', 'طقم استكان'], ['Steel Pot', 'قدر ستيل'], ['Phone Charger', 'شاحن هاتف'], ['Power Bank', 'باور بنك'],
  ['Extension Cable', 'وصلة كهرباء'], ['Air Cooler', 'مبردة هواء'], ['Water Heater', 'سخان ماء'], ['Blender', 'خلاط'],
  ['Vacuum Cleaner', 'مكنسة كهربائية'], ['Iron', 'مكواة'], ['Carpet', 'سجادة'], ['Blanket', 'بطانية'], ['Headphones', 'سماعات'],
  ['Keyboard', 'لوحة مفاتيح'], ['Router', 'راوتر'], ['Memory Card', 'ذاكرة'], ['Wall Clock', 'ساعة جدارية'], ['Thermos', 'ترمس'],
  ['Solar Panel', 'لوح شمسي'], ['Battery 100Ah', 'بطارية ١٠٠ أمبير'],
] as const

export const brands = ['Dijla', 'Furat', 'Zagros', 'Sumer', 'Babil', 'Nakheel', 'Ashur', 'Basra Star', 'Kawa', 'Ur'] as const
export const colours = [['White', 'أبيض'], ['Black', 'أسود'], ['Red', 'أحمر'], ['Blue', 'أزرق'], ['Gold', 'ذهبي'], ['Silver', 'فضي']] as const
export const units = ['pcs', 'box', 'قطعة', 'كارتون', 'set', 'm'] as const
export const firstNames = [
  'Ahmed', 'Zainab', 'Hussein', 'Noor', 'Sara', 'Karrar', 'Ali', 'Rawan', 'أحمد', 'زينب', 'حسين', 'نور', 'سارة', 'كرار', 'علي', 'روان',
  'Aram', 'Shilan', 'James', 'Renée',
] as const
export const lastNames = [
  'Al-Jubouri', 'Hassan', 'Kareem', 'Al-Saadi', "O'Neill", 'Barzani', 'الجبوري', 'حسن', 'كريم', 'السعدي', 'العبيدي', 'الربيعي', 'Müller',
] as const
export const companies = [
  'Trading Co.', 'General Trading LLC', 'Market', 'Electronics', '& Sons', 'للتجارة العامة', 'للأجهزة الكهربائية', 'وأولاده', 'Stores',
] as const
export const cities = [
  ['Baghdad', 'بغداد'], ['Basra', 'البصرة'], ['Erbil', 'أربيل'], ['Mosul', 'الموصل'], ['Najaf', 'النجف'], ['Karbala', 'كربلاء'],
  ['Sulaymaniyah', 'السليمانية'], ['Kirkuk', 'كركوك'],
] as const
export const notes = [
  '', '', '', 'Deliver before noon.', 'الدفع عند الاستلام', 'Call before delivery\nGate 3', 'خصم خاص للزبون', 'Fragile, handle with care',
] as const
export const carriers = ['Own van', 'Baghdad Post', 'Aramex', 'توصيل المنصور'] as const
export const paymentModes = ['cash', 'bank transfer', 'check', 'ZainCash', 'نقداً'] as const
export const padding = [
  'Suitable for home and shop use, tested before dispatch, one year warranty with the seller.',
  'مناسب للاستخدام المنزلي والتجاري، مفحوص قبل الشحن، ضمان سنة واحدة من البائع.',
  'Carton of twelve, keep dry, do not stack more than five high, store below forty degrees.',
  'Imported by sea through Umm Qasr; lot numbers are printed on the side of the carton.',
] as const

/** A number whose digits JavaScript cannot hold, put into the JSON as it stands. */
export function rawNumber(digits: string): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(digits)
}

/** What people really put into a text field: the n-th record of a list gets the n-th of these. */
export const oddTexts: readonly string[] = [
  'Kettle 1.7L "Deluxe" \\ 220V \\n not a newline',
  'Line one\nline two\ttabbed\r\nline three',
  'Party lamp 🎉👨‍👩‍👧‍👦🇮🇶 new!',
  '\u202bمصباح\u202c LED \u200f(١٢ واط)\u200e \ufeffmarked',
  `Very long name ${'طويل جدا very long '.repeat(50)}end`,
  'Zero \u0000 inside',
  'Twin product',
  'Twin product',
  'Sold before it came',
  'Free sample',
  'Price on request',
  'Whole warehouse',
  '  spaces around  ',
  'NULL',
  '=1+1',
  "Robert'); DROP TABLE items;--",
  '<script>alert(1)</script> & <b>bold</b>',
  'Half an emoji \ud83d here',
  'e\u0301 decomposed and \u00e9 composed',
  '0123',
]
