/// How wide text is where each letter has a cell of one width, as in a terminal.
extension String {
    /// In cells: what East Asian scripts and pictures take two of, and marks over letters none.
    var displayWidth: Int {
        // Most of what stands in tables is ASCII.
        utf8.allSatisfy { $0 < 0x80 } ? utf8.count : reduce(0) { $0 + $1.displayWidth }
    }

    func padding(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - displayWidth))
    }

    func paddingLeft(to width: Int) -> String {
        String(repeating: " ", count: max(0, width - displayWidth)) + self
    }
}

extension Character {
    fileprivate var displayWidth: Int {
        guard let first = unicodeScalars.first else { return 0 }
        if unicodeScalars.contains("\u{FE0F}") || first.properties.isEmojiPresentation || first.isWide {
            return 2
        }
        return unicodeScalars.allSatisfy(\.isOverOthers) ? 0 : 1
    }
}

extension Unicode.Scalar {
    /// What stands over the letter before it, or is not seen.
    fileprivate var isOverOthers: Bool {
        switch properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: value != 0xAD
        default: false
        }
    }

    /// East Asian Wide and Fullwidth (Unicode Standard Annex 11), in whole blocks.
    fileprivate var isWide: Bool {
        switch value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF,
            0xA000...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE10...0xFE19,
            0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x16FE0...0x18DFF, 0x1AFF0...0x1B2FF,
            0x1F200...0x1F2FF, 0x20000...0x3FFFD:
            true
        default: false
        }
    }
}
