/// Which records of a source become events: simple comparisons of fields. A record passes that meets all conditions of
/// one of the alternatives.
package struct RecordFilter: Sendable {
    package struct Condition: Sendable {
        package let path: FieldPath
        package let test: Test

        package init(_ path: FieldPath, _ test: Test) { (self.path, self.test) = (path, test) }
    }

    package enum Test: Sendable {
        case isOneOf([Operand])
        /// An absent field is none of them.
        case isNoneOf([Operand])
        /// An absent field stands in no order.
        case isOrdered(Order, Operand)
        case isPresent(Bool)
    }

    package enum Order: String, Sendable, CaseIterable {
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
    }

    /// Compared with a number, a field counts as the number that it is written as; with a text, by its UTF-8.
    package enum Operand: Sendable {
        case number(Double, whole: Int64?)
        case text(String)
    }

    /// Of which one is to be met.
    package let alternatives: [[Condition]]

    package init(alternatives: [[Condition]]) { self.alternatives = alternatives }

    var paths: [FieldPath] { alternatives.flatMap { $0.map(\.path) } }

    func compiled(by tree: FieldTree) -> Compiled {
        Compiled(alternatives: alternatives.map { $0.map { (tree.slot(of: $0.path), $0.test) } })
    }

    /// The filter with its fields as slots.
    struct Compiled {
        fileprivate let alternatives: [[(slot: Int, test: Test)]]

        /// - Parameter text: of the field in a slot; nil where it is absent.
        func passes(_ text: (Int) -> String?) -> Bool {
            alternatives.contains { conditions in conditions.allSatisfy { $0.test.isMet(by: text($0.slot)) } }
        }
    }
}

extension RecordFilter.Test {
    fileprivate func isMet(by text: String?) -> Bool {
        switch self {
        case .isPresent(let isWanted): return (text != nil) == isWanted
        case .isOneOf(let operands):
            return text.map { text in operands.contains { $0.equals(text) } } ?? false
        case .isNoneOf(let operands):
            return text.map { text in !operands.contains { $0.equals(text) } } ?? true
        case .isOrdered(let order, let operand):
            guard let text, let comparison = operand.compared(with: text) else { return false }
            switch order {
            case .less: return comparison < 0
            case .lessOrEqual: return comparison <= 0
            case .greater: return comparison > 0
            case .greaterOrEqual: return comparison >= 0
            }
        }
    }
}

extension RecordFilter.Operand {
    fileprivate func equals(_ text: String) -> Bool {
        switch self {
        case .text(let operand): operand.utf8.elementsEqual(text.utf8)
        case .number: compared(with: text) == 0
        }
    }

    /// How the text stands to the operand: below 0 where it comes before; nil where it is no number and should be one.
    fileprivate func compared(with text: String) -> Int? {
        switch self {
        case .number(let operand, let whole):
            // Whole numbers may have more digits than a Double.
            if let whole, let number = Int64(text) { return number < whole ? -1 : number > whole ? 1 : 0 }
            // As JSON writes numbers: neither "nan" nor "0x10" is one.
            guard text.utf8.allSatisfy({ isDigit($0) || "+-.eE".utf8.contains($0) }),
                let number = Double(text)
            else { return nil }
            return number < operand ? -1 : number > operand ? 1 : 0
        case .text(let operand):
            if Array(text.utf8) == Array(operand.utf8) { return 0 }
            return text.utf8.lexicographicallyPrecedes(operand.utf8) ? -1 : 1
        }
    }
}
