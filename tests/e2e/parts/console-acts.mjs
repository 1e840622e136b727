// What staff do beyond reading, each act to its effect: desks, doors, disputes, second opinions.
// Whatever cannot be undone says what it does and is thought better of once.

import { note } from "../lib/checks.mjs";
import {
  assert,
  confirms,
  dialog,
  fills,
  gone,
  goes,
  hesitates,
  lastRow,
  picture,
  press,
  row,
  says,
  settled,
  stands,
  story,
} from "../lib/desk.mjs";
import { Doors, day } from "../lib/neighbours.mjs";
import { identityOf } from "../lib/office.mjs";

export async function acts({ boss, page, clerk, bureau }, seeds, town) {
  seeds.door = Doors.at(town.server, seeds.venue.id);
  await password(bureau);
  await desk(clerk, seeds);
  await suspension(boss, page, seeds);
  await disputes(boss, page, clerk, seeds);
  await work(boss, page, seeds);
  await claiming(boss, page, town);
  await capacity(boss, page, seeds);
  await evacuation(boss, page, clerk, seeds);
  await everybody(boss, page, seeds);
  await factors(boss, page, seeds);
  await newPassword(bureau);
}

async function desk(clerk, { office, venue, neighbours: [anna] }) {
  await story(clerk, "a desk lends a code, names a guardian and counts heads", async () => {
    const { page } = clerk;
    const born = `${Number(day(0).slice(0, 4)) - 16}0101`;
    const child = await office.send(
      "members",
      JSON.stringify({
        document: { type: "resident_id", number: identityOf(born, clerk.own.numbers + 771) },
        name: "测试小满",
        home_community: anna.me.home_community,
        consents: [],
      }),
    );
    await goes(page, `/members/${child.id}`);
    await press(page, "设置监护人");
    await fills(page, { 监护人的居民编号: anna.me.id });
    await confirms(page, "设置");
    await page.getByRole("link", { name: "查看监护人" }).click();
    await settled(page);
    assert.ok(page.url().endsWith(anna.me.id));
    await press(page, "入场口令");
    await says(page, "临时口令");
    await confirms(page, "生成口令");
    assert.match(await dialog(page).locator("code").textContent(), /^[0-9A-Z-]{4,}$/);
    await picture(page, `desk-code-${clerk.size}`);
    await confirms(page, "关闭");
    await goes(page, `/roll-call/${venue.id}`);
    await press(page, "登记清点人数");
    await fills(page, { 现场人数: "7" });
    await confirms(page, "登记");
    await page.getByText("最近清点").waitFor();
    await page.locator(".figure").filter({ hasText: "最近清点" }).getByText("7").first().waitFor();
  });
}

async function suspension(boss, page, { door, neighbours: [, , , dora] }) {
  await story(boss, "who is suspended is let in by no door until they are reinstated", async () => {
    await goes(page, `/members/${dora.me.id}`);
    await hesitates(page, "停用", "所有门都会拒绝其入场");
    await fills(page, { 理由: "多次冒用他人身份" });
    await confirms(page, "停用");
    await page.getByText("已停用", { exact: true }).first().waitFor();
    const told = await door.asks(dora.credential);
    assert.deepEqual([told.decision, told.reason], ["refused", "member_suspended"]);
    await press(page, "恢复");
    await fills(page, { 理由: "已说明情况" });
    await confirms(page, "恢复");
    await page.getByRole("button", { name: "停用", exact: true }).waitFor();
    // Whether the house is open at this hour is not the question.
    assert.notEqual((await door.asks(dora.credential)).reason, "member_suspended");
  });
}

async function disputes(boss, page, clerk, { door, neighbours: [anna] }) {
  const stays = async () => (await anna.get("/me/sessions")).items;
  await story(boss, "what a resident disputes is answered, and they read the answer", async () => {
    const passed = await door.saw([anna.credential, "in", 115], [anna.credential, "out", 105]);
    assert.deepEqual(passed, ["accepted", "accepted"]);
    const [stay] = await stays();
    await anna.post(`/me/sessions/${stay.id}/disputes`, { text: "我练了一个多小时才走。" });
    await goes(page, "/work");
    await page.getByRole("tab", { name: "居民异议" }).click();
    // Nobody judges texts here, so this one is not shown yet.
    const line = row(page, "文字正在等待内容安全检查");
    await line.getByRole("button", { name: "答复" }).click();
    await fills(page, { 结论: "accepted", 答复: "核对了监控，按您说的更正。" });
    await picture(page, `dispute-${boss.size}`);
    await confirms(page, "发送答复");
    await gone(dialog(page));
    await gone(line);
    const { items } = await anna.get("/me/disputes");
    assert.equal(items[0].answer, "核对了监控，按您说的更正。");
  });
  await story(boss, "a correction of more than an hour waits for a second person", async () => {
    const desk = clerk.page;
    const [before] = await stays();
    await goes(desk, `/members/${anna.me.id}`);
    await press(desk, "更正");
    const entered = await dialog(desk).getByLabel("进场时间").inputValue();
    const later = new Date(Date.parse(`${entered}:00Z`) + 90 * 60_000).toISOString().slice(0, 16);
    await fills(desk, { 离场时间: later, 理由: "监控核对" });
    await confirms(desk, "预览效果");
    await says(desk, "需要审批");
    await stands(desk, `second-person-${boss.size}`);
    await confirms(desk, "确认更正");
    await says(desk, "已提交审批，批准后生效");
    await confirms(desk, "关闭");
    assert.equal((await stays())[0].minutes, before.minutes, "nothing stands yet");
    await goes(page, "/work");
    await page.getByRole("tab", { name: "审批" }).click();
    const line = row(page, "监控核对");
    await line.getByRole("button", { name: "批准" }).click();
    await says(page, "批准后更正立即生效");
    await confirms(page, "批准");
    await gone(dialog(page));
    await gone(line);
    assert.ok((await stays())[0].minutes >= before.minutes + 60, "the ledger has it");
  });
}

async function work(boss, page, { door, neighbours: [, ben] }) {
  await story(
    boss,
    "a stranger's face becomes somebody's stay, another is laid aside",
    async () => {
      const late = new Date(Date.now() - 20 * 60_000);
      const stranger = `stranger-${Date.now()}`;
      const seen = await door.saw([stranger, "in", 30], [`${stranger}-2`, "in", late]);
      assert.deepEqual(seen, ["unknown_credential", "unknown_credential"]);
      await goes(page, "/venues");
      await goes(page, "/work?kind=unknown_face");
      const list = page.getByRole("region", { name: "待办" });
      // What came last stands at the end; gives its row, once the list is so long.
      const last = async (count) => {
        await page.getByText(`共 ${count} 行`).waitFor();
        return lastRow(list);
      };
      const total = await page.getByText(/^共 [\d,]+ 行/).textContent();
      const waiting = Number(total.replace(/\D/g, ""));
      await (await last(waiting)).getByRole("button", { name: "补记" }).click();
      await fills(page, { 居民编号: ben.me.id, 理由: "前台认得本人" });
      await confirms(page, "预览效果");
      await says(page, "累计时长");
      await picture(page, `work-answer-${boss.size}`);
      await confirms(page, "确认补记");
      await gone(dialog(page));
      await (await last(waiting - 1)).getByRole("button", { name: "搁置" }).click();
      await says(page, "不改变任何时长");
      await fills(page, { 理由: "送货人员" });
      await confirms(page, "确认搁置");
      await gone(dialog(page));
      await page.getByText(`共 ${waiting - 2} 行`).waitFor();
      const [stay] = (await ben.get("/me/sessions")).items;
      assert.equal(Date.parse(stay.entered_at), late.getTime(), "it is his, when the door saw him");
    },
  );
}

async function claiming(boss, page, town) {
  await story(boss, "a terminal that nobody knows is claimed, with its records", async () => {
    const serial = `E2E-${Date.now() % 1_000_000}`;
    const time = `${day(-1)} 08:00:00`;
    const record = `time=${time}\tpin=7\tevent=0\tinoutstatus=0\tverifytype=15\tindex=1`;
    const path = `/iclock/cdata?SN=${serial}&table=rtlog`;
    await fetch(town.server.url + path, { method: "POST", body: record });
    await goes(page, "/terminals");
    await page.getByRole("tab", { name: "未认领" }).click();
    const line = row(page, serial);
    await line.getByRole("button", { name: "认领" }).click();
    await says(page, "认错会把别处的人记到这里");
    await confirms(page, "认领");
    await says(page, /已认领，\d+ 条记录已计入/);
    await confirms(page, "关闭");
    await gone(dialog(page));
    await gone(line);
    await goes(page, "/venues");
    await goes(page, "/terminals");
    await says(page, serial);
  });
}

async function capacity(boss, page, { venue }) {
  await story(boss, "another capacity is adopted from tomorrow on, as a version", async () => {
    await goes(page, `/venues/${venue.id}`);
    await page.getByRole("tab", { name: "容量与规则" }).click();
    const version = page.getByText(/^第 \d+ 版，自/);
    const before = await version.textContent();
    await press(page, "改容量与准入");
    await fills(page, { 最多人数: "37", 拥挤提示人数: "30" });
    await confirms(page, "采用");
    await gone(dialog(page));
    await says(page, "37 人");
    assert.notEqual(await version.textContent(), before);
  });
}

async function evacuation(boss, page, clerk, { venue }) {
  await story(
    boss,
    "an evacuation opens every door, is seen at other desks, and ends",
    async () => {
      await goes(page, `/roll-call/${venue.id}`);
      await hesitates(page, "紧急疏散", "所有的门会立即打开");
      await fills(page, { 原因: "消防演练" });
      await stands(page, `evacuation-${boss.size}`);
      await confirms(page, "打开所有的门");
      await says(page, /已通知 \d+ 台终端开门/);
      await confirms(page, "关闭");
      await says(page, "正在疏散：消防演练");
      await goes(clerk.page, "/roll-call");
      await says(clerk.page, "正在疏散（消防演练）");
      await press(page, "结束疏散");
      await says(page, "请确认所有人都已清点");
      await confirms(page, "结束疏散");
      await page.getByRole("button", { name: "紧急疏散" }).waitFor();
    },
  );
}

const INSIDE = 1200;
const ROWS_MAX = 200;

async function everybody(boss, page, { venue }) {
  await story(boss, "a roll call of many shows and prints everybody, in few rows", async () => {
    const people = Array.from({ length: INSIDE }, (_, n) => ({
      session_id: `s-${n}`,
      name: `第${n + 1}*`,
      is_child: n % 50 === 0,
      phone: "139****0000",
      entered_at: new Date(Date.now() - n * 1000).toISOString(),
      sure: "seen",
    }));
    const now = new Date().toISOString();
    const call = { name: venue.name, as_of: now, presumed: INSIDE, source: "database", people };
    await page.route("**/roll-call", (route) => route.fulfill({ json: call }));
    await goes(page, "/roll-call");
    await goes(page, `/roll-call/${venue.id}`);
    const list = page.getByRole("region", { name: "在场名单" });
    await list.getByText("第1*").first().waitFor();
    const rows = await list.getByRole("row").count();
    note("rows in the document", rows);
    assert.ok(rows > 3 && rows <= ROWS_MAX, `${rows} rows`);
    await (await lastRow(list)).getByText(`第${INSIDE}*`).waitFor();
    await page.emulateMedia({ media: "print" });
    await page
      .locator("table tbody tr")
      .nth(INSIDE - 1)
      .waitFor();
    assert.equal(await page.locator("table tbody tr").count(), INSIDE);
    await page.emulateMedia({ media: "screen" });
    await list.getByText("第1*").first().waitFor();
    await page.unroute("**/roll-call");
  });
}

async function factors(boss, page, { neighbours: [anna] }) {
  await story(boss, "both factors are asked for before something is shown", async () => {
    await goes(page, `/members/${anna.me.id}`);
    let isAsked = false;
    await page.route("**/unmaskings", (route) => {
      if (isAsked) return route.continue();
      return route.fulfill({
        status: 403,
        contentType: "application/problem+json",
        body: JSON.stringify({
          code: "confirmation_required",
          status: 403,
          detail: "请再次确认身份。",
        }),
      });
    });
    await press(page, "查看完整信息");
    await fills(page, { 查看什么: "phone", 理由: "联系不上本人" });
    await confirms(page, "申请查看");
    const again = page.getByRole("dialog", { name: "请再次确认是您本人" });
    await again.getByRole("button", { name: "取消" }).click();
    await says(page, "请再次确认身份。");
    await confirms(page, "申请查看");
    await again.getByLabel("密码").fill(boss.password);
    await again.getByLabel("六位动态口令").fill(await boss.code());
    await picture(page, `factors-${boss.size}`);
    isAsked = true;
    await again.getByRole("button", { name: "确认" }).click();
    await gone(again);
    await dialog(page).getByRole("button", { name: "查看", exact: true }).click();
    await dialog(page)
      .locator("code.plain-value")
      .or(dialog(page).getByText("没有登记"))
      .first()
      .waitFor();
    await confirms(page, "关闭");
    await page.unroute("**/unmaskings");
  });
}

async function password(bureau) {
  await story(bureau, "another password is taken", async () => {
    const { page } = bureau;
    const fresh = "another-long-word-of-mine-7";
    await goes(page, "/own");
    await press(page, "更换密码");
    await fills(page, {
      现在的密码: bureau.password,
      六位动态口令: await bureau.code(),
      新密码: fresh,
    });
    await confirms(page, "更换");
    await says(page, "密码已更换");
    bureau.password = fresh;
    await page.context().close();
  });
}

async function newPassword(bureau) {
  await story(bureau, "the new password signs in", async () => {
    const page = await bureau.window();
    await bureau.signsIn(page);
    await page.context().close();
  });
}
