// Members: found by document, phone or name, or listed; all masked.

import { useCallback, useState } from "react";
import { Link } from "react-router";
import { act, type Page } from "../api";
import { usePages } from "../load";
import { useDesk } from "../session";
import { LongList } from "../ui/list";
import { Tag, Title } from "../ui/page";
import { Needs } from "../ui/states";
import * as words from "../words";

interface Found { id: string; name: string; birth_year?: number | null; home_community: string; registered_at: string; status: string; verification: string }

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

export function Members() {
  const { may, divisionName } = useDesk();
  const [kind, setKind] = useState("name");
  const [text, setText] = useState("");
  const [status, setStatus] = useState("");
  const [asked, setAsked] = useState<Record<string, unknown>>({});
  const read = useCallback(
    (cursor: string | null) => act<Page<Found>>("POST", "/members/search", { ...asked, limit: 200, ...(cursor ? { cursor } : {}) }),
    [asked],
  );
  const list = usePages<Found>(may("see_members") ? read : null);
  const search = (event: { preventDefault: () => void }) => {
    event.preventDefault();
    setAsked({ ...criteria(text, kind), ...(status ? { status } : {}) });
  };
  return (
    <>
      <Title text="居民">{may("register_members") && <Link className="button primary" to="/members/new">前台登记</Link>}</Title>
      <Needs right="see_members">
        <form className="filters" role="search" onSubmit={search}>
          <label>查找方式{" "}<select value={kind} onChange={(event) => setKind(event.target.value)}>{KINDS.map(([code, name]) => <option key={code} value={code}>{name}</option>)}</select></label>
          <label className="grow">内容{" "}<input value={text} onChange={(event) => setText(event.target.value)} placeholder="输入完整内容" autoComplete="off" maxLength={64} /></label>
          <label>状态{" "}<select value={status} onChange={(event) => setStatus(event.target.value)}><option value="">全部</option><option value="active">正常</option><option value="suspended">已停用</option></select></label>
          <button className="button primary">查找</button>
        </form>
        <p className="hint">按姓名、手机号或证件号的完整内容查找；结果一律遮盖。每次查看都会记录，居民本人可以看到。</p>
        <LongList
          label="居民列表" of={list} none="没有找到居民。" hint="请核对输入是否完整，或确认其社区在您负责的区域内。" keyOf={(one) => one.id}
          columns={[
            { name: "姓名", width: "7rem", show: (one) => <Link to={`/members/${one.id}`}>{one.name}</Link> },
            { name: "出生年份", width: "6rem", show: (one) => one.birth_year ?? "—" },
            { name: "社区", show: (one) => divisionName(one.home_community) },
            { name: "核验", width: "9rem", show: (one) => words.verification(one.verification) },
            { name: "状态", width: "6rem", show: (one) => <Tag tone={one.status === "active" ? "good" : "bad"}>{words.memberStatus(one.status)}</Tag> },
            { name: "登记时间", width: "10rem", show: (one) => words.time(one.registered_at) },
          ]}
        />
      </Needs>
    </>
  );
}
