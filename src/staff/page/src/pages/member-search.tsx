// How somebody is looked for: by document, phone or name, whole, so that nobody browses; what comes
// is masked.

import { useCallback, useState } from "react";
import { act, type Page } from "../api";
import { usePages, type Paged } from "../load";

export interface Found { id: string; name: string; birth_year?: number | null; home_community: string; registered_at: string; status: string; verification: string }

/** What of the text is meant: eleven digits are a phone, what looks like a number a document. */
function criteria(text: string, kind: string): Record<string, unknown> {
  const plain = text.trim();
  if (plain === "") return {};
  if (kind === "name") return { name: plain };
  if (kind === "phone") return { phone: plain.replace(/[\s-]/g, "") };
  return { document: { type: kind, number: plain.toUpperCase() } };
}

const KINDS: [string, string][] = [
  ["name", "姓名"], ["phone", "手机号"], ["resident_id", "身份证号"], ["residence_permit", "居住证号"],
  ["foreign_permanent_resident", "永居证号"], ["hk_mo_pass", "港澳通行证号"], ["taiwan_pass", "台胞证号"],
];

/** Whoever fits `asked`; nobody is asked for while it is null. */
export function useFound(asked: Record<string, unknown> | null): Paged<Found> {
  const read = useCallback(
    (cursor: string | null) => act<Page<Found>>("POST", "/members/search", { ...asked, limit: 200, ...(cursor ? { cursor } : {}) }),
    [asked],
  );
  return usePages<Found>(asked ? read : null);
}

export function MemberSearch({ search, hasStatus = false }: { search: (asked: Record<string, unknown>) => void; hasStatus?: boolean }) {
  const [kind, setKind] = useState("name");
  const [text, setText] = useState("");
  const [status, setStatus] = useState("");
  const send = (event: { preventDefault: () => void }) => {
    event.preventDefault();
    search({ ...criteria(text, kind), ...(status ? { status } : {}) });
  };
  return (
    <form className="filters" role="search" onSubmit={send}>
      <label>查找方式{" "}<select value={kind} onChange={(event) => setKind(event.target.value)}>{KINDS.map(([code, name]) => <option key={code} value={code}>{name}</option>)}</select></label>
      <label className="grow">内容{" "}<input value={text} onChange={(event) => setText(event.target.value)} placeholder="输入完整内容" autoComplete="off" maxLength={64} /></label>
      {hasStatus && <label>状态{" "}<select value={status} onChange={(event) => setStatus(event.target.value)}><option value="">全部</option><option value="active">正常</option><option value="suspended">已停用</option></select></label>}
      <button className="button primary">查找</button>
    </form>
  );
}
