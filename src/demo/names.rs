//! Invented names: common ones put together, and the long and rare ones that real registers hold
//! and that systems stumble over.

use super::chance::Chance;

/// The commonest first.
const SURNAMES: [&str; 40] = [
    "王", "李", "张", "陈", "沈", "陆", "徐", "周", "吴", "朱", "顾", "俞", "钱", "姚", "胡", "金",
    "杨", "马", "孙", "潘", "曹", "冯", "戴", "屠", "毛", "倪", "褚", "过", "宓", "郁", "计", "庄",
    "费", "宗", "单", "仇", "欧阳", "上官", "司徒", "诸葛",
];
const GIVEN_OF_WOMEN: [&str; 32] = [
    "芳", "丽娟", "秀英", "晓燕", "雨涵", "思琪", "玉兰", "慧", "静怡", "美华", "婷", "佳怡",
    "春梅", "雪", "欣妍", "梦洁", "凤英", "莉", "若曦", "海燕", "桂珍", "倩", "诗涵", "文静",
    "爱华", "敏", "艺馨", "丹丹", "红", "琳", "子萱", "巧云",
];
const GIVEN_OF_MEN: [&str; 32] = [
    "伟", "建国", "志强", "浩然", "明", "国平", "子轩", "磊", "俊杰", "卫东", "鹏", "宇航", "金根",
    "文斌", "超", "海涛", "永明", "晨", "一鸣", "刚", "阿毛", "凯", "思远", "祥生", "勇", "天佑",
    "家豪", "立新", "波", "梓睿", "荣华", "正",
];
const RARE: [&str; 14] = [
    "阿卜杜热西提·买买提",
    "迪丽拜尔·吐尔逊",
    "阿依努尔·艾合买提江",
    "扎西顿珠",
    "次仁拉姆",
    "乌云其木格",
    "巴特尔",
    "刘䶮",
    "陈㛃",
    "张𬭎",
    "王犇犇",
    "岩温罕",
    "金·巴图孟和",
    "欧阳上官婉清",
];
/// One rare name among so many.
const RARE_ONE_IN: u32 = 80;

/// Draws the name of a woman or a man.
pub fn name(chance: &mut Chance, woman: bool) -> String {
    if chance.below(RARE_ONE_IN) == 0 {
        return (*chance.pick(&RARE)).to_owned();
    }
    // The product of two draws favours the front of the list, as surnames are in life.
    let reach = chance.index(SURNAMES.len()) + 1;
    let surname = SURNAMES[chance.index(reach)];
    let given = chance.pick(if woman { &GIVEN_OF_WOMEN } else { &GIVEN_OF_MEN });
    format!("{surname}{given}")
}
