// Package spelling tells how far a mistyped name is from one that is known. It
// refuses to choose among names: what a difference weighs is the caller's
// business.
package spelling

// Distance is the number of insertions, deletions and substitutions of bytes
// that turn a into b. Its work grows with the product of the lengths.
func Distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
