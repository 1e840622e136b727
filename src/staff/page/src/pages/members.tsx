// Members: found by document, phone or name, or listed; all masked. A file of them is taken over
// here by those who may.

import { useState } from "react";
import { Link } from "react-router";
import { useDesk } from "../session";
import { LongList } from "../ui/list";
import { Tag, Title } from "../ui/page";
import { Needs } from "../ui/states";
import { Upload } from "../ui/upload";
import * as words from "../words";
import { MemberSearch, useFound } from "./member-search";

interface Report { rows: number; members: number; consents: number; past_days: number; past_minutes: number }

function Import({ close, after }: { close: () => void; after: () => void }) {
  return (
    <Upload title="从文件导入居民" path="/members/import" accept=".csv,.ndjson" close={close} after={after}
      intro={<><p>要么整份导入，要么一行也不导入；有问题的行会逐一指出，改好后重新上传。</p><p>CSV 表头须含 document_type、document_number、name、home_community 等列（见 API 文档）。导入会写入审计。</p></>}
      types={[["text/csv", "CSV（UTF-8）"], ["text/csv; charset=gb18030", "CSV（GB18030，旧版表格软件）"], ["application/x-ndjson", "NDJSON"]]}
      done={(answer) => {
        const report = answer as Report;
        return <p className="notice">已读 {words.number(report.rows)} 行：新增居民 {words.number(report.members)} 位、同意记录 {words.number(report.consents)} 条、历史时长 {words.number(report.past_minutes)} 分钟。</p>;
      }} />
  );
}

export function Members() {
  const { may, divisionName } = useDesk();
  const [asked, setAsked] = useState<Record<string, unknown>>({});
  const [isImporting, setImporting] = useState(false);
  const list = useFound(may("see_members") ? asked : null);
  return (
    <>
      <Title text="居民">
        {may("import_members") && <button className="button" onClick={() => setImporting(true)}>从文件导入</button>}
        {may("register_members") && <Link className="button primary" to="/members/new">前台登记</Link>}
      </Title>
      <Needs right="see_members">
        <MemberSearch search={setAsked} hasStatus />
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
      {isImporting && <Import close={() => setImporting(false)} after={list.reload} />}
    </>
  );
}
