// Fitness tests: finding whom to test, masked; instructors, who see no lists, are told the number.

import { useState } from "react";
import { Link, useNavigate } from "react-router";
import { useDesk } from "../session";
import { Fields } from "../ui/form";
import { LongList } from "../ui/list";
import { Card, Title } from "../ui/page";
import { Needs, Nothing } from "../ui/states";
import { MemberSearch, useFound } from "./member-search";

/** By the number that the member shows, for who may not search. */
function ByNumber() {
  const go = useNavigate();
  const [values, set] = useState<Record<string, string>>({ id: "" });
  return (
    <Card title="按居民编号查找">
      <form className="form" onSubmit={(event) => { event.preventDefault(); void go(`/fitness/${values["id"]!.trim()}`); }}>
        <Fields fields={[{ name: "id", label: "居民编号", required: true, help: "居民在小程序「我的」里出示，或由前台告知。" }]} values={values} set={set} problem={null} />
        <button className="button primary">打开</button>
      </form>
    </Card>
  );
}

function Search() {
  const { divisionName } = useDesk();
  const [asked, setAsked] = useState<Record<string, unknown> | null>(null);
  const list = useFound(asked);
  return (
    <>
      <MemberSearch search={setAsked} />
      {asked === null ? <Nothing what="先查找要测试的居民。" hint="按姓名、手机号或证件号的完整内容查找；结果一律遮盖。" /> : (
        <LongList label="找到的居民" of={list} none="没有找到居民。" hint="请核对输入是否完整。" keyOf={(one) => one.id} columns={[
          { name: "姓名", width: "8rem", show: (one) => <Link to={`/fitness/${one.id}`}>{one.name}</Link> },
          { name: "出生年份", width: "7rem", show: (one) => one.birth_year ?? "—" },
          { name: "社区", show: (one) => divisionName(one.home_community) },
        ]} />
      )}
    </>
  );
}

export function Fitness() {
  const { may } = useDesk();
  return (
    <>
      <Title text="体质测试" />
      <Needs right="keep_fitness">{may("see_members") ? <Search /> : <ByNumber />}</Needs>
    </>
  );
}
