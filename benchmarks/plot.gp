# gnuplot -e "name='json'" benchmarks/plot.gp: ours beside the limit, from benchmarks/results/NAME.dat.
file = 'benchmarks/results/'.name.'.dat'
stats file using 3 nooutput  # the limits; 0: there is none
set terminal svg size 960,540 font "sans,11"
set output 'benchmarks/results/'.name.'.svg'
set title name
set style data histograms
set style histogram clustered gap 1
set style fill solid 0.8 border -1
set xtics rotate by -20 noenhanced
set logscale y
set grid ytics
set key top right
if (STATS_max > 0) {
  plot file using 2:xtic(1) title 'lllm' lc rgb '#3b6ea5', \
       '' using ($3 > 0 ? $3 : NaN) title 'limit' lc rgb '#c9c9c9'
} else {
  plot file using 2:xtic(1) title 'lllm' lc rgb '#3b6ea5'
}
