//! Why a map is refused, in words for the person who has the file and may have to ask for another.

use std::fmt;

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The feature, counted from 0 as in the file; none where it is the whole file.
    pub feature: Option<usize>,
    pub why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    TooLarge,
    NotJson { line: usize },
    NotCollection,
    OtherSystem,
    Empty,
    TooMany,
    NotFeature,
    BadName,
    NotPolygon,
    BadRing,
    BadPosition,
    Swapped,
    TooDetailed,
    Flat,
    NoVenueOnIt,
    BadApprovalNumber,
    NoDivision,
}

impl Fault {
    pub fn of_file(why: Why) -> Self {
        Self { feature: None, why }
    }

    pub fn of_feature(n: usize, why: Why) -> Self {
        Self { feature: Some(n), why }
    }
}

impl std::error::Error for Fault {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(n) = self.feature {
            write!(f, "features[{n}]: ")?;
        }
        if let Why::NotJson { line } = self.why {
            write!(f, "第 {line} 行 / line {line}: ")?;
        }
        let (chinese, english) = sentences(self.why);
        write!(f, "{chinese} / {english}")
    }
}

fn sentences(why: Why) -> (&'static str, &'static str) {
    match why {
        Why::TooLarge => (
            "文件超过 8 MB，请先简化边界再导入。",
            "The file is larger than 8 MB: simplify the borders first.",
        ),
        Why::NotJson { .. } => (
            "不是有效的 JSON，请导出为 UTF-8 编码的 GeoJSON。",
            "This is not JSON: export the map as GeoJSON in UTF-8.",
        ),
        Why::NotCollection => (
            "最外层必须是 FeatureCollection，请导出为 GeoJSON（不是 TopoJSON 或 Shapefile）。",
            "The outermost must be a FeatureCollection: export as GeoJSON, not TopoJSON.",
        ),
        Why::OtherSystem => (
            "坐标系不是经纬度，请转换为 CGCS2000 或 WGS 84 经纬度后导出。",
            "Positions are in another system: export degrees in CGCS2000 or WGS 84.",
        ),
        Why::Empty => (
            "没有任何要素，请确认导出了边界图层。",
            "There are no features: check that the layer of borders was exported.",
        ),
        Why::TooMany => (
            "要素超过 1000 个，请按街道或社区合并。",
            "There are more than 1000 features: merge them by street or community.",
        ),
        Why::NotFeature => ("不是 Feature，请重新导出。", "This is no Feature: export again."),
        Why::BadName => (
            "name 必须是不超过 60 个字的文字，或不填。",
            "`name` must be text of at most 60 characters, or absent.",
        ),
        Why::NotPolygon => (
            "只接受 Polygon 或 MultiPolygon，请去掉点和线图层。",
            "Only Polygon and MultiPolygon are taken: leave points and lines out.",
        ),
        Why::BadRing => (
            "边界至少四个点且首尾相同，请修复几何后导出。",
            "A border needs four positions or more, the last being the first: mend the geometry.",
        ),
        Why::BadPosition => (
            "坐标必须是 [经度, 纬度]，单位为度。",
            "Positions must be [longitude, latitude] in degrees.",
        ),
        Why::Swapped => (
            "经度和纬度颠倒了，应为 [经度, 纬度]。",
            "Latitude stands first: positions must be [longitude, latitude].",
        ),
        Why::TooDetailed => (
            "边界过于精细，请先简化（例如保留 5% 的点）。",
            "The borders are too detailed: simplify them first, say to 5 % of their points.",
        ),
        Why::Flat => (
            "所有边界都没有面积，请检查坐标。",
            "The borders enclose nothing: check the positions.",
        ),
        Why::NoVenueOnIt => (
            "本区域有坐标的场馆没有一个落在图上，请核对文件、区划代码和坐标系。",
            "None of the division's venues that have a position is on this map: check the file, the \
             division's code and the coordinate system.",
        ),
        Why::BadApprovalNumber => (
            "审图号必须是 1 至 60 个字的文字。",
            "The approval number must be text of 1 to 60 characters.",
        ),
        Why::NoDivision => {
            ("没有这个区域，请核对区划代码。", "There is no such division: check its code.")
        }
    }
}
