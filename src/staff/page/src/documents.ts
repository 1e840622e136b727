// Whether a document's number can be right, told while it is typed. The server decides.

const WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

export interface Told {
  fault: string | null;
  birth?: string;
  sex?: string;
}

function identity(number: string): Told {
  const text = number.toUpperCase();
  if (!/^[0-9]{0,17}[0-9X]?$/.test(text)) return { fault: "只能是数字，末位可以是 X。" };
  if (text.length < 18) return { fault: `还差 ${18 - text.length} 位。` };
  if (text.length > 18) return { fault: "超过 18 位。" };
  const birth = `${text.slice(6, 10)}-${text.slice(10, 12)}-${text.slice(12, 14)}`;
  const date = new Date(`${birth}T00:00:00Z`);
  if (
    Number.isNaN(date.getTime()) ||
    date.toISOString().slice(0, 10) !== birth ||
    date.getTime() > Date.now()
  )
    return { fault: "第 7 到 14 位不是有效的出生日期。" };
  const sum = WEIGHTS.reduce((all, weight, n) => all + weight * Number(text[n]), 0);
  if ("10X98765432"[sum % 11] !== text[17]) return { fault: "校验位不对，请核对是否抄错。" };
  return { fault: null, birth, sex: Number(text[16]) % 2 === 1 ? "male" : "female" };
}

const FORMS: Record<string, [RegExp, string]> = {
  foreign_permanent_resident: [
    /^([A-Z]{3}[0-9]{12}|9[0-9]{17})$/,
    "应为 3 个字母加 12 位数字，或 9 开头的 18 位数字。",
  ],
  hk_mo_pass: [/^[HM][0-9]{8}([0-9]{2})?$/, "应为 H 或 M 加 8 位数字。"],
  taiwan_pass: [/^[0-9]{8}([0-9]{2})?$/, "应为 8 位数字。"],
  passport: [/^[A-Z0-9]{5,17}$/, "应为 5 到 17 位字母和数字。"],
};

export function look(kind: string, number: string): Told {
  const text = number.trim().toUpperCase();
  if (kind === "resident_id" || kind === "residence_permit") return identity(text);
  const form = FORMS[kind];
  return { fault: form && !form[0].test(text) ? form[1] : null };
}

export function ageOn(birth: string, today = Date.now()): number {
  const now = new Date(today);
  const [year = 0, month = 1, date = 1] = birth.split("-").map(Number);
  const had = now.getMonth() + 1 > month || (now.getMonth() + 1 === month && now.getDate() >= date);
  return now.getFullYear() - year - (had ? 0 : 1);
}
